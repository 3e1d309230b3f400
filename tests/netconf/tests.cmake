# NETCONF: a device in the test's process behind a real sshd, and Debian's netconfd where it is installed.
function(banpush_netconf_test name script seconds)
  add_test(NAME "netconf: ${name}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/netconf/${script} ${ARGN})
  set_tests_properties("netconf: ${name}" PROPERTIES LABELS system TIMEOUT ${seconds}
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush>;BANPUSH_DATADIR=${CMAKE_SOURCE_DIR}")
endfunction()
banpush_netconf_test(transport test_netconf.py 900)
banpush_netconf_test(netconfd test_netconfd.py 900)
banpush_netconf_test(blocked test_blocked.py 300)
foreach(driver yang_set ietf_acl openconfig_acl juniper_junos_netconf cisco_iosxe_netconf cisco_iosxr_netconf cisco_nxos_netconf nokia_sros_netconf)
  banpush_netconf_test("contract of ${driver}" test_contract.py 900 ${driver})
endforeach()
set_tests_properties("netconf: transport" "netconf: blocked" PROPERTIES COST 300)
