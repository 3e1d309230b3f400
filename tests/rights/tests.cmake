# Several users at the same files, each as itself: root, the service's user, a member of its group, and somebody else. As root
# only, elsewhere they say so and are skipped.
add_test(NAME rights COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_rights.py)
set_tests_properties(rights PROPERTIES LABELS system TIMEOUT 900 SKIP_RETURN_CODE 77
                     ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR};${BANPUSH_MANY_STARTS}")
add_test(NAME open_files COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/check_open.py ${CMAKE_SOURCE_DIR})
set_tests_properties(open_files PROPERTIES LABELS "unit;style")
