# Several users at the same files, each as itself: root, the service's user, a member of its group, and somebody else. As root
# only, elsewhere they say so and are skipped.
# Nine of its thirteen cases pass; it is no part of `./run test` until all do.
banpush_long_test(rights 1800 /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_rights.py)
add_test(NAME open_files COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/check_open.py ${CMAKE_SOURCE_DIR})
set_tests_properties(open_files PROPERTIES LABELS "unit;style")
