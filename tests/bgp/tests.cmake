# BGP daemons of Debian at both ends, in namespaces, with the configurations of config/bgp; without root or the programs they say so and
# are skipped. A class of a file is a test of its own: each begins daemons and waits for their session.
foreach(one gobgp.GoBgp gobgp.GoBgpAgain flowspec.FlowSpec flowspec.ThroughExaBgp frr.FrrAnnounces exabgp.ExaBgp)
  string(REPLACE "." ";" parts ${one})
  list(GET parts 0 file)
  list(GET parts 1 class)
  add_test(NAME "bgp: ${file} ${class}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_${file}.py ${class})
  set_tests_properties("bgp: ${file} ${class}" PROPERTIES LABELS system TIMEOUT 600
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR}")
endforeach()
