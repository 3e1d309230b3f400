# Secrets stay where they are, nobody of the same user looks into a process of ours, and nobody is taken for another.
foreach(name process nowhere reporter)
  add_test(NAME "secrets: ${name}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_${name}.py)
  set_tests_properties("secrets: ${name}" PROPERTIES LABELS system TIMEOUT 900
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush>;BANPUSH_LAB_PROGRAM=$<TARGET_FILE:banpush-lab>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR};${BANPUSH_MANY_STARTS}")
endforeach()
