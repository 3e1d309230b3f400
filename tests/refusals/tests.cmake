# Tables that answer and refuse: real MariaDB in each state that a ban must outlive, and what becomes of the spool.
foreach(name table spool)
  add_test(NAME "refusals: ${name}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_${name}.py)
  set_tests_properties("refusals: ${name}" PROPERTIES LABELS serve TIMEOUT 900 COST 100
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR};${BANPUSH_MANY_STARTS}")
endforeach()
