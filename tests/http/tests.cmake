# What the service offers over HTTP, by real clients: curl, promtool, Chromium, nftables and ipset for what is in a feed.
foreach(name feed access metrics page)
  add_test(NAME "http: ${name}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/test_${name}.py)
  set_tests_properties("http: ${name}" PROPERTIES LABELS serve TIMEOUT 900
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR};${BANPUSH_MANY_STARTS}")
endforeach()
