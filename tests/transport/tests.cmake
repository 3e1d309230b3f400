# The transports against real peers: OpenSSH's sshd, and devices made of libssh's server side.
add_library(fakes STATIC ${CMAKE_CURRENT_SOURCE_DIR}/fakes/cli_device.cpp ${CMAKE_CURRENT_SOURCE_DIR}/fakes/ssh_device.cpp)
target_include_directories(fakes PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(fakes PUBLIC banpush_transport)

file(GLOB transport_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/transport/*.cpp)
add_executable(transport_tests ${transport_sources})
target_link_libraries(transport_tests PRIVATE fakes catch_main)
if(BANPUSH_PCH)
  target_precompile_headers(transport_tests REUSE_FROM test_headers)
endif()

add_test(NAME "transport: against OpenSSH" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/transport/run_with_sshd.py
         ${CMAKE_CURRENT_SOURCE_DIR}/shard.py $<TARGET_FILE:transport_tests> 1 1 "[sshd]")
set_tests_properties("transport: against OpenSSH" PROPERTIES LABELS system TIMEOUT 900)
add_test(NAME "transport: logins and babblers at OpenSSH" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/transport/run_with_strict_sshd.py
         ${CMAKE_CURRENT_SOURCE_DIR}/shard.py $<TARGET_FILE:transport_tests> 1 1 "[strict_sshd]")
# Memory is measured in it: what the sanitizer keeps of freed memory is none of ours.
set_tests_properties("transport: logins and babblers at OpenSSH" PROPERTIES LABELS system TIMEOUT 900 ENVIRONMENT "ASAN_OPTIONS=quarantine_size_mb=8")
add_test(NAME "transport: against a device in the process" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/shard.py $<TARGET_FILE:transport_tests> 1 1
         "~[sshd]~[strict_sshd]")
set_tests_properties("transport: against a device in the process" PROPERTIES LABELS flow TIMEOUT 900)
