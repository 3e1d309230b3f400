# Emulated devices: that they behave as their platforms do, spoken to by OpenSSH's client.
add_test(NAME "lab: devices" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/devices.py $<TARGET_FILE:banpush-lab>)
set_tests_properties("lab: devices" PROPERTIES LABELS system TIMEOUT 600)

add_test(NAME "lab: rehearsal" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/rehearsal.py)
set_tests_properties("lab: rehearsal" PROPERTIES LABELS system TIMEOUT 600 ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush>")

# An operator's configuration against twins: five platforms, and what goes wrong.
add_test(NAME "lab: rehearse" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/rehearse.py FivePlatforms)
add_test(NAME "lab: rehearse what goes wrong" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/rehearse.py GoesWrong)
add_test(NAME "lab: rehearse leaves nothing" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/rehearse.py LeavesNothing)
set_tests_properties("lab: rehearse" "lab: rehearse what goes wrong" "lab: rehearse leaves nothing" PROPERTIES LABELS system TIMEOUT 300
                     ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>;BANPUSH_LAB_PROGRAM=$<TARGET_FILE:banpush-lab>;${BANPUSH_MANY_STARTS}")

# The contract every driver keeps: the real banpush against an emulated device of its platform.
foreach(driver arista_eos aruba_aoscx aruba_procurve cisco_asa cisco_ios cisco_ios_group cisco_iosxe cisco_iosxr cisco_nxos dell_os10 edgeos extreme_exos
        fortinet_fortios hpe_comware hpe_comware5 huawei_s_series huawei_vrp huawei_vrp8 juniper_junos mikrotik_routeros nokia_sros paloalto_panos ruckus_icx ubiquiti_edgeswitch vyos)
  add_test(NAME "lab: contract of ${driver}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/contract.py ${driver})
  set_tests_properties("lab: contract of ${driver}" PROPERTIES LABELS system TIMEOUT 1200
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>;BANPUSH_LAB_PROGRAM=$<TARGET_FILE:banpush-lab>;${BANPUSH_MANY_STARTS}")
endforeach()

# Netmiko against the lab: a sample here, all platforms in the long tier. What it waits for is set in seconds of its own.
add_test(NAME "lab: netmiko" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/netmiko_clients.py Clients.test_cisco_ios Clients.test_arista_eos
         Clients.test_vyos Clients.test_mikrotik_routeros)
set_tests_properties("lab: netmiko" PROPERTIES LABELS system TIMEOUT 600
                     ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>;BANPUSH_LAB_PROGRAM=$<TARGET_FILE:banpush-lab>;${BANPUSH_MANY_STARTS}")
banpush_long_test("netmiko" 1800 /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/netmiko_clients.py)

# Ansible's modules likewise.
add_test(NAME "lab: ansible" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/ansible_clients.py Clients.test_cisco_ios Clients.test_vyos)
set_tests_properties("lab: ansible" PROPERTIES LABELS system TIMEOUT 600
                     ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>;BANPUSH_LAB_PROGRAM=$<TARGET_FILE:banpush-lab>;${BANPUSH_MANY_STARTS}")
banpush_long_test("ansible" 1800 /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/ansible_clients.py)

add_test(NAME "lab: devices of odd forms" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/forms.py)
set_tests_properties("lab: devices of odd forms" PROPERTIES LABELS system TIMEOUT 600
                     ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>;BANPUSH_LAB_PROGRAM=$<TARGET_FILE:banpush-lab>;${BANPUSH_MANY_STARTS}")

add_test(NAME "lab: how much is sent ahead" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/pace.py)
set_tests_properties("lab: how much is sent ahead" PROPERTIES LABELS system TIMEOUT 600
                     ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>;BANPUSH_LAB_PROGRAM=$<TARGET_FILE:banpush-lab>;${BANPUSH_MANY_STARTS}")

# What banpush calls in force, against what the emulated device drops.
foreach(driver arista_eos aruba_aoscx aruba_procurve cisco_ios dell_os10 hpe_comware huawei_vrp ruckus_icx ubiquiti_edgeswitch)
  add_test(NAME "lab: in force on ${driver}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/lab/in_force.py ${driver})
  set_tests_properties("lab: in force on ${driver}" PROPERTIES LABELS system TIMEOUT 600
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>;BANPUSH_LAB_PROGRAM=$<TARGET_FILE:banpush-lab>;${BANPUSH_MANY_STARTS}")
endforeach()

# The same where a rule of a filter uses banpush's list.
foreach(driver cisco_asa cisco_ios_group cisco_iosxr cisco_nxos edgeos extreme_exos fortinet_fortios juniper_junos mikrotik_routeros nokia_sros paloalto_panos vyos)
  add_test(NAME "lab: in force by a filter on ${driver}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/in_force_groups.py ${driver})
  set_tests_properties("lab: in force by a filter on ${driver}" PROPERTIES LABELS system TIMEOUT 600
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>;BANPUSH_LAB_PROGRAM=$<TARGET_FILE:banpush-lab>;${BANPUSH_MANY_STARTS}")
endforeach()

# A setup that cuts banpush off: the device takes it back, or somebody at its console with the lines that were told.
foreach(driver arista_eos aruba_aoscx aruba_procurve cisco_asa cisco_ios cisco_ios_group cisco_iosxe cisco_iosxr cisco_nxos dell_os10 edgeos fortinet_fortios hpe_comware
        huawei_s_series huawei_vrp juniper_junos mikrotik_routeros nokia_sros paloalto_panos ruckus_icx ubiquiti_edgeswitch vyos)
  add_test(NAME "lab: cut off by a setup of ${driver}" COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/cut_off.py ${driver})
  set_tests_properties("lab: cut off by a setup of ${driver}" PROPERTIES LABELS system TIMEOUT 600
                       ENVIRONMENT "BANPUSH=$<TARGET_FILE:banpush-devices>;BANPUSH_LAB_PROGRAM=$<TARGET_FILE:banpush-lab>;${BANPUSH_MANY_STARTS}")
endforeach()
