"""What the contract needs to know of each driver's device: its train, where it binds, and the operator's words."""


class Platform:
    def __init__(self, driver, device=None, train="", attach=(), kinds=(), bare="", operator="", operator_list=None, foreign="", foreign_shown="",
                 settings=None, saves=True, params=None):
        self.driver, self.device, self.train = driver, device or driver, train
        self.attach = attach                # interfaces
        self.kinds = kinds                  # (kind, name) of the lists banpush keeps, as the lab's state has them
        self.bare = bare                    # what every device of this platform has on it
        self.operator = operator            # the operator's own list, bound where banpush wants to be
        self.operator_list = operator_list  # its (kind, name) in the lab's state
        self.foreign = foreign              # lines by which somebody else puts an entry into banpush's list
        self.foreign_shown = foreign_shown  # part of how `show` names it
        self.settings = settings or {}      # keys of the lab's device
        self.saves = saves                  # whether anything has to be saved
        self.params = params


IOS_OPERATOR = """\
ip access-list extended OUTSIDE-IN
 remark what the operator wrote
 permit tcp any host 192.0.2.10 eq 443
 deny udp any any log
 permit ip any any
interface GigabitEthernet0/0
 ip access-group OUTSIDE-IN in
"""
IOS_FOREIGN = ("ip access-list extended BANPUSH-IN4", "5 permit tcp host 192.0.2.77 any eq 22")

PLATFORMS = {
    "cisco_ios": Platform(
        "cisco_ios", attach=["GigabitEthernet0/0"], kinds=[("acl4", "BANPUSH-IN4"), ("acl6", "BANPUSH-IN6")], operator=IOS_OPERATOR,
        operator_list=("acl4", "OUTSIDE-IN"), foreign=IOS_FOREIGN, foreign_shown="192.0.2.77"),
    "cisco_iosxe": Platform(
        "cisco_iosxe", device="cisco_ios", train="xe", attach=["GigabitEthernet0/0"], kinds=[("acl4", "BANPUSH-IN4"), ("acl6", "BANPUSH-IN6")],
        operator=IOS_OPERATOR, operator_list=("acl4", "OUTSIDE-IN"), foreign=IOS_FOREIGN, foreign_shown="192.0.2.77"),
    "juniper_junos": Platform(
        "juniper_junos", attach=["ge-0/0/0.0"], kinds=[("prefix_list", "BANPUSH4"), ("prefix_list", "BANPUSH6")], saves=False,
        operator="""\
set firewall family inet filter OUTSIDE-IN term WEB from protocol tcp
set firewall family inet filter OUTSIDE-IN term WEB then accept
set firewall family inet filter OUTSIDE-IN term REST then accept
set interfaces ge-0/0/0 unit 0 family inet filter input OUTSIDE-IN
""",
        operator_list=("filter4", "OUTSIDE-IN")),
}
