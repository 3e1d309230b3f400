# NETCONF: a device in the test's process behind a real sshd, and Debian's netconfd where it is installed.
function(banpush_netconf_test name script seconds)
  add_test(NAME "netconf: ${name}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/netconf/${script} ${ARGN})
  set_tests_properties("netconf: ${name}" PROPERTIES LABELS system TIMEOUT ${seconds}
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR};${BANPUSH_MANY_STARTS}")
endfunction()
# A server of another make, on the server side of libnetconf2, which takes what its YANG modules allow.
add_executable(netconf_server ${CMAKE_CURRENT_LIST_DIR}/library/server.cpp ${CMAKE_CURRENT_LIST_DIR}/library/store.cpp)
target_link_libraries(netconf_server PRIVATE PkgConfig::LIBNETCONF2 PkgConfig::LIBYANG PkgConfig::LIBSSH)
banpush_netconf_test(transport test_netconf.py 900)
banpush_netconf_test(netconfd test_netconfd.py 900)
banpush_netconf_test(blocked test_blocked.py 300)
banpush_netconf_test(hostile test_hostile.py 300)
# The contract that the drivers of command lines keep, too; as there, leaks are looked for elsewhere.
function(banpush_netconf_contract driver server)
  set(name "contract of ${driver} with ${server}")
  banpush_netconf_test("${name}" test_contract.py 600 ${driver} ${server})
  set_tests_properties("netconf: ${name}" PROPERTIES SKIP_RETURN_CODE 77
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR};ASAN_OPTIONS=detect_leaks=0:malloc_context_size=2")
endfunction()
foreach(driver yang_set ietf_acl openconfig_acl juniper_junos_netconf cisco_iosxe_netconf cisco_iosxe_group_netconf cisco_iosxr_netconf cisco_nxos_netconf nokia_sros_netconf)
  banpush_netconf_contract(${driver} device)
endforeach()
foreach(driver yang_set ietf_acl)
  banpush_netconf_contract(${driver} netconfd)
  banpush_netconf_contract(${driver} library)
endforeach()
set_tests_properties("netconf: transport" "netconf: blocked" PROPERTIES COST 300)
