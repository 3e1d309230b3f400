# The program as people use it, in namespaces, with real packets; without root or namespaces the tests say so
# and are skipped.
foreach(name block in_force verbs limits foreign bytes bad_devices config check table hostile policy jails logged_in unban repeats protected said)
  add_test(NAME "system: ${name}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_${name}.py)
  set_tests_properties("system: ${name}" PROPERTIES LABELS system TIMEOUT 1200
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR}")
endforeach()
foreach(name block limits foreign bytes policy hostile) # the others look for leaks, too
  set_property(TEST "system: ${name}" APPEND PROPERTY ENVIRONMENT "${BANPUSH_MANY_STARTS}")
endforeach()
set_tests_properties("system: verbs" PROPERTIES LABELS "system;flow")
set_tests_properties("system: config" PROPERTIES LABELS "system;flow")
set_tests_properties("system: in_force" PROPERTIES LABELS "system;flow")
set_tests_properties("system: policy" PROPERTIES LABELS "system;flow")
# The longest begin first, or the run ends with waiting for one of them.
set_tests_properties("system: block" "system: bytes" PROPERTIES COST 200)
