# How a ban gets onto a disk while servers, disks, locks and names hang. What needs root, namespaces or a file system in user
# space says so and is skipped.
foreach(name order decided faults)
  add_test(NAME "record: ${name}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_${name}.py)
  set_tests_properties("record: ${name}" PROPERTIES LABELS "flow" TIMEOUT 600 COST 100
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR};${BANPUSH_MANY_STARTS}")
endforeach()
# The same faults with more bans.
banpush_long_test(faults 3600 /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_faults.py)
set_property(TEST "long: faults" APPEND PROPERTY ENVIRONMENT "BANPUSH_FAULT_BANS=500")
