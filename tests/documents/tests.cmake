# What README and docs say, done; and what `cmake --install` writes.
foreach(name install demo advice documents help schema)
  add_test(NAME "documents: ${name}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_${name}.py)
  set_tests_properties("documents: ${name}" PROPERTIES LABELS system TIMEOUT 900 SKIP_RETURN_CODE 77
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush>;BANPUSH_LAB_PROGRAM=$<TARGET_FILE:banpush-lab>;BANPUSH_BUILD=${CMAKE_BINARY_DIR};${BANPUSH_MANY_STARTS}")
endforeach()
# Thousands of starts: of the program that checks, without the one that hands over to it.
set_property(TEST "documents: schema" APPEND PROPERTY ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>")
banpush_long_test(fresh 7200 /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_fresh.py)
