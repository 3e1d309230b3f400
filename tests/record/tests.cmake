# How a ban gets onto a disk while servers, disks, locks and names hang. What needs root, namespaces or a file system in user
# space says so and is skipped.
foreach(name order)
  add_test(NAME "record: ${name}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_${name}.py)
  set_tests_properties("record: ${name}" PROPERTIES LABELS "flow" TIMEOUT 600 COST 100
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR};${BANPUSH_MANY_STARTS}")
endforeach()
# Hundreds of bans by real fail2ban, one fault after the other. It has not passed yet, and is no part of `./run test` until it has.
banpush_long_test(faults 7200 /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_faults.py)
set_property(TEST "long: faults" APPEND PROPERTY ENVIRONMENT "BANPUSH_FAULT_BANS=500")
