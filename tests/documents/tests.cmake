# What README and docs say, done; and what `cmake --install` writes.
foreach(name install demo advice)
  add_test(NAME "documents: ${name}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_${name}.py)
  set_tests_properties("documents: ${name}" PROPERTIES LABELS system TIMEOUT 900 SKIP_RETURN_CODE 77
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush>;BANPUSH_LAB_PROGRAM=$<TARGET_FILE:banpush-lab>;BANPUSH_BUILD=${CMAKE_BINARY_DIR};${BANPUSH_MANY_STARTS}")
endforeach()
# Every command of the documents, on what was installed. It has not passed yet, and is no part of `./run test` until it has.
banpush_long_test(documents 1800 /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_documents.py)
set_property(TEST "long: documents" APPEND PROPERTY ENVIRONMENT "BANPUSH_BUILD=${CMAKE_BINARY_DIR}")
banpush_long_test(fresh 7200 /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_fresh.py)
