# The service with real parts at both ends: `banpush serve`, SQLite and MariaDB, the lab's router, real fail2ban, FRR and
# nftables in namespaces. What needs root or namespaces says so and is skipped. Run by hand they
# do a thousand bans where ctest does 150; a thousand are of the long tests.
set(sizes "BANPUSH_TEST_BANS=150;BANPUSH_TEST_RESTORED=150")
if(BANPUSH_SANITIZE STREQUAL thread) # which takes ten times as long; it looks for races, and they show in the first dozens
  set(sizes "BANPUSH_TEST_BANS=60;BANPUSH_TEST_RESTORED=60;BANPUSH_HISTORIES=24")
endif()
foreach(name alerts ghosts log service limits drift told explained reasons burst history fail2ban action units nftables this_host sessions stopped)
  add_test(NAME "serve: ${name}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_${name}.py)
  set_tests_properties("serve: ${name}" PROPERTIES LABELS serve TIMEOUT 1800
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush>;BANPUSH_LAB_PROGRAM=$<TARGET_FILE:banpush-lab>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR};${sizes};${BANPUSH_MANY_STARTS}")
endforeach()
set_tests_properties("serve: history" PROPERTIES COST 400)
banpush_long_test(history 43200 /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_history.py)
set_tests_properties("serve: fail2ban" "serve: burst" PROPERTIES COST 150)
banpush_long_test(fail2ban 3600 /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_fail2ban.py)
banpush_long_test(burst 3600 /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_burst.py)
