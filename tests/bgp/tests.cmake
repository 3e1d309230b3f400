# BGP daemons of Debian at both ends, in namespaces, with the configurations of config/bgp; without root or the programs they say so and
# are skipped.
foreach(name gobgp flowspec frr exabgp)
  add_test(NAME "bgp: ${name}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_${name}.py)
  set_tests_properties("bgp: ${name}" PROPERTIES LABELS system TIMEOUT 600
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR}")
endforeach()
