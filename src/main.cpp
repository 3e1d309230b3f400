// argv to one command to an exit code. The only file that knows CLI11.
#include "app/commands/commands.hpp"
#include "app/commands/table/spool.hpp"
#include "app/commands/unknown_verb.hpp"
#include "help.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace banpush;

// What the flags say, before they become Settings.
struct Flags {
  std::string config = "/etc/banpush/banpush.yaml";
  std::string trace;
  bool json = false, quiet = false, verbose = false, no_color = false;
};

Settings settings_of(const Flags &flags, int argc, char **argv) {
  Settings settings;
  settings.words.assign(argv, argv + argc);
  settings.config = flags.config;
  settings.trace = flags.trace;
  settings.console.format = flags.json ? Console::Format::Json : Console::Format::Text;
  settings.console.volume = flags.quiet ? Console::Volume::Quiet : flags.verbose ? Console::Volume::Verbose : Console::Volume::Normal;
  const char *no_color = std::getenv("NO_COLOR");
  settings.console.colour = !flags.no_color && (no_color == nullptr || *no_color == '\0') && isatty(STDOUT_FILENO) != 0;
  if (winsize size{}; ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) // ioctl_tty(2): of a terminal only
    settings.console.columns = size.ws_col;
  return settings;
}

// Registers the verbs; the one that was said leaves its work in `work`.
class Verbs {
public:
  Verbs(CLI::App &app, std::function<int(const Settings &)> &work) : app_(app), work_(work) {}

  void all() {
    table();
    devices();
    rescue();
    drivers();
  }

private:
  CLI::App *verb(const std::string &name, const std::string &about) { return under(app_, name, about); }
  // A verb, or the word behind one.
  static CLI::App *under(CLI::App &parent, const std::string &name, const std::string &about) {
    CLI::App *made = parent.add_subcommand(name, about);
    made->fallthrough();
    made->footer(help_footer(parent.get_parent() == nullptr ? name : parent.get_name() + " " + name));
    return made;
  }
  template <typename Options>
  void on(CLI::App *verb, int (*run)(const Settings &, const Options &), std::shared_ptr<Options> options) {
    verb->callback([this, run, options] { work_ = [run, options](const Settings &settings) { return run(settings, *options); }; });
  }

  void table() {
    auto init_options = std::make_shared<InitOptions>();
    CLI::App *one = verb("init", "Create what is missing: a configuration, the ban table, its side tables (and what side tables of an "
                                 "older banpush lack); never alters the ban table, or a configuration that is there");
    one->add_flag("--index", init_options->index, "also an index on `created`, for large tables");
    on(one, init, init_options);

    auto ban_options = std::make_shared<BanOptions>();
    one = verb("ban", "Record a ban, and push it to the devices");
    one->add_option("ip", ban_options->ip, "address or prefix, such as 203.0.113.7 or 2001:db8::/64")->required();
    one->add_option("--jail,-j", ban_options->jail, "the jail it is recorded for")->capture_default_str();
    one->add_option("--protocol", ban_options->protocol, "tcp, udp, …, several by commas, or all")->capture_default_str();
    one->add_option("--port,-p", ban_options->port, "number, range, service name, several by commas; all by default, and for what is none");
    one->add_option("--bantime,-t", ban_options->bantime, "15m, 1d, permanent, or seconds; the policy's own by default");
    one->add_option("--hostname", ban_options->hostname, "the reporting host; this one by default");
    one->add_option("--reason,-r", ban_options->reason, "kept with the ban");
    one->add_option("--restored", ban_options->restored, "fail2ban's <restored>: 1 after a restart")->check(CLI::Range(0, 1));
    one->add_flag("--prolonged", ban_options->prolonged, "fail2ban's actionprolong: what it has banned, for longer");
    one->add_option("--since", ban_options->since,
                    "fail2ban's <time>: when what is restored or prolonged began, in seconds since 1970; only with one of these two");
    one->add_flag("--wait", ban_options->wait, "return when the devices show it");
    one->add_flag("--no-push", ban_options->no_push, "only record it; the next push takes it along");
    one->add_flag("--even-if-logged-in", ban_options->even_if_logged_in, "also an address that somebody is logged in from here");
    on(one, ban, ban_options);

    auto unban_options = std::make_shared<UnbanOptions>();
    one = verb("unban", "Lift all bans of an address, and push that");
    one->add_option("ip", unban_options->ip, "address or prefix, as it was banned")->required();
    one->add_option("--jail,-j", unban_options->jail, "only of this jail");
    one->add_option("--hostname", unban_options->hostname, "only what this host reported");
    one->add_option("--by", unban_options->by, "operator, or fail2ban for its own unban")
        ->check(CLI::IsMember({"operator", "fail2ban"}))
        ->capture_default_str();
    one->add_flag("--wait", unban_options->wait, "return when the devices show it");
    one->add_flag("--no-push", unban_options->no_push, "only record it; the next push takes it along");
    on(one, unban, unban_options);

    one = verb("allow", "The shared allowlist: addresses that are never blocked");
    one->require_subcommand(1);
    const auto action = [&](const char *name, const char *about, AllowOptions::Action what) {
      auto options = std::make_shared<AllowOptions>();
      options->action = what;
      CLI::App *sub = under(*one, name, about);
      if (what != AllowOptions::Action::List)
        sub->add_option("prefix", options->prefix, "address or prefix")->required();
      if (what == AllowOptions::Action::Add)
        sub->add_option("--reason,-r", options->reason, "kept with the line");
      on(sub, allow, options);
    };
    action("add", "Allow an address or prefix", AllowOptions::Action::Add);
    action("remove", "Take one away", AllowOptions::Action::Remove);
    action("list", "Show all, with who and why", AllowOptions::Action::List);

    one = verb("spool", "What waits on this host's disk for the table, and what was set aside because the table will never take it");
    one->require_subcommand(1);
    const auto on_spool = [&](const char *name, const char *about, SpoolOptions::Action what) {
      auto options = std::make_shared<SpoolOptions>();
      options->action = what;
      CLI::App *sub = under(*one, name, about);
      if (what != SpoolOptions::Action::List) {
        sub->add_option("line", options->lines, "numbers of lines, as `spool list` shows them");
        sub->add_flag("--refused", options->refused, "all that was set aside");
      }
      if (what == SpoolOptions::Action::Drop)
        sub->add_flag("--waiting", options->waiting, "also what merely waits: it is recorded nowhere else, and is lost");
      on(sub, spool, options);
    };
    on_spool("list", "Show all lines: waiting or refused, since when, and why", SpoolOptions::Action::List);
    on_spool("drop", "Take lines away for good", SpoolOptions::Action::Drop);
    on_spool("retry", "Have lines that were set aside tried again, once the table was mended", SpoolOptions::Action::Retry);

    auto list_options = std::make_shared<ListOptions>();
    one = verb("list", "The bans in force");
    one->add_option("--jail,-j", list_options->jail, "only of this jail");
    one->add_option("--hostname", list_options->hostname, "only what this host reported");
    one->add_option("--ip", list_options->ip, "only what touches this address or prefix");
    one->add_flag("--all,-a", list_options->all, "also bans that are over");
    one->add_flag("--bad", list_options->bad, "only rows that are no bans and count for nothing, each with what is wrong with it")
        ->excludes("--jail", "--hostname", "--ip", "--all");
    on(one, list, list_options);

    auto explained = std::make_shared<std::string>();
    one = verb("explain", "One address: every row, every step of the policy, every device");
    one->add_option("ip", *explained, "address or prefix")->required();
    on(one, explain, explained);

    auto stats_options = std::make_shared<StatsOptions>();
    one = verb("stats", "Bans over time, by jail, host and network; how much of them the devices cover");
    one->add_option("--days", stats_options->days, "how far back; 1 counts by the hour")->check(CLI::Range(1, 3650))->capture_default_str();
    on(one, stats, stats_options);

    auto status_options = std::make_shared<StatusOptions>();
    one = verb("status", "Devices as they were last read, pushed and paused");
    one->add_option("device", status_options->devices, "devices; all by default");
    one->add_flag("--ghosts", status_options->ghosts,
                  "what devices hold that no table wants there, and what they lack, by what was read of them last");
    one->add_option("--watch", status_options->watch, "show it again every so many seconds, until it is interrupted")
        ->check(CLI::Range(1, 3600));
    on(one, status, status_options);

    auto audited = std::make_shared<AuditOptions>();
    one = verb("audit", "Who did what to which device when, and what came of it; with -v the script and the device's words");
    one->add_option("device", audited->devices, "devices; all by default");
    one->add_option("--last,-n", audited->last, "so many records")->check(CLI::Range(1, 1'000'000))->capture_default_str();
    on(one, audit, audited);

    auto feed_options = std::make_shared<FeedOptions>();
    one = verb("feed", "What firewalls fetch of a feed, as `serve` hands it out; without a name, which feeds there are");
    one->add_option("feed", feed_options->feed, "a device whose list is a file, or one part of it, as they are listed");
    one->add_option("--out", feed_options->out, "write it to this file, at once or not at all");
    on(one, feed, feed_options);

    auto older_than = std::make_shared<std::string>();
    one = verb("prune", "Remove rows of bans that ended long ago");
    one->add_option("--older-than", *older_than, "how long ago, with its unit, such as 90d")->required();
    on(one, prune, older_than);
  }

  void devices() {
    auto check_options = std::make_shared<CheckOptions>();
    CLI::App *one = verb("check", "Validate configuration, drivers and table; with --connect the devices, too");
    one->add_option("device", check_options->devices, "devices; all by default");
    one->add_flag("--connect", check_options->connect, "log in and look: lists, rules, uRPF, redistribution");
    on(one, check, check_options);

    auto plan_options = std::make_shared<PlanOptions>();
    one = verb("plan", "Dry run: what a push would change, and the exact bytes it would send");
    one->add_option("device", plan_options->devices, "devices; all by default");
    one->add_flag("--offline", plan_options->offline, "against the ledger; connects to nothing");
    one->add_flag("--exit-code", plan_options->exit_code, "exit with 4 when there is something to change");
    one->add_option("--out", plan_options->out, "save the plan to a file for `push --plan`");
    on(one, plan, plan_options);

    auto push_options = std::make_shared<PushOptions>();
    one = verb("push", "One pass over the devices: read, compare, change, read back");
    one->add_option("device", push_options->devices, "devices; all by default");
    one->add_option(
        "--plan", push_options->plan,
        "only what this saved plan says; refused when it is stale: the table, the time, the policy or the device changed since");
    one->add_flag("--repair", push_options->repair, "lift all of these limits, for devices that are named: they get what the tables say")
        ->needs("device")
        ->excludes("--plan");
    one->add_option("--force", push_options->force, "lift a limit for this run: add, remove, storm or span; once for each")
        ->type_name("LIMIT")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
    one->add_option("--turn", push_options->turn)->group(""); // these two are not for people
    one->add_option("--shows", push_options->shows)->group("");
    on(one, push, push_options);

    one = verb("serve",
               "Run as a service: follow the table, keep every device in step (systemd: banpush.service); with --json the log is JSON");
    one->callback([this] { work_ = serve; });

    auto device = std::make_shared<std::string>();
    one = verb("show", "What one device holds: ours, in force or not, and of others");
    one->add_option("device", *device, "the device")->required();
    on(one, show, device);

    auto setup_options = std::make_shared<SetupOptions>();
    one = verb("setup", "The list and the rule that uses it: shows what is needed, or puts it there");
    one->add_option("device", setup_options->device, "the device")->required();
    one->add_flag("--apply", setup_options->apply, "send it");
    one->add_flag("--remove", setup_options->remove, "the reverse: unbind, then delete");
    on(one, setup, setup_options);

    auto saved = std::make_shared<Names>();
    one = verb("save", "Have devices save their configuration now");
    one->add_option("device", *saved, "devices")->required();
    on(one, save, saved);

    auto trust_options = std::make_shared<TrustOptions>();
    one = verb("trust", "Show a device's host key, and store it when confirmed");
    one->add_option("device", trust_options->device, "the device")->required();
    one->add_option("--fingerprint", trust_options->fingerprints,
                    "store a key only if it is this one (SHA256:…); once for each key that is new");
    one->add_flag("--yes,-y", trust_options->yes, "store what is shown without asking");
    one->add_flag("--replace", trust_options->replace, "also where another key is stored: it is no longer trusted");
    on(one, trust, trust_options);
  }

  void rescue() {
    auto flush_options = std::make_shared<FlushOptions>();
    CLI::App *one = verb("flush", "Take away all entries of ours and leave the devices paused");
    one->add_option("device", flush_options->devices, "devices");
    one->add_flag("--all", flush_options->all, "every device");
    one->add_option("--reason,-r", flush_options->reason, "kept with the pause");
    on(one, flush, flush_options);

    auto pause_options = std::make_shared<PauseOptions>();
    one = verb("pause", "Leave devices alone");
    one->add_option("device", pause_options->devices, "devices")->required();
    one->add_option("--for", pause_options->length, "how long, with its unit, such as 2h; until `resume` by default");
    one->add_option("--reason,-r", pause_options->reason, "kept with the pause");
    on(one, pause, pause_options);

    auto resume_options = std::make_shared<PauseOptions>();
    one = verb("resume", "Go on with paused devices");
    one->add_option("device", resume_options->devices, "devices")->required();
    on(one, resume, resume_options);
  }

  void drivers() {
    CLI::App *one = verb("drivers", "The platforms that can be driven; with a sub-command, one driver's own functions");
    one->require_subcommand(0, 1);
    one->callback([this, one] {
      if (one->get_subcommands().empty())
        work_ = drivers_list;
    });
    auto shown_driver = std::make_shared<std::string>();
    CLI::App *network = verb("lab", "Emulated devices: rehearse, devices, up FILE, down, tell (docs/lab.md)");
    network->fallthrough(false);
    network->prefix_command();
    network->callback([this, network] {
      Names words = network->remaining();
      work_ = [words](const Settings &settings) { return lab(settings, words); };
    });

    CLI::App *sub = under(*one, "show", "One driver: parameters, lists, templates");
    sub->add_option("driver", *shown_driver, "the driver")->required();
    on(sub, drivers_show, shown_driver);

    auto parse_options = std::make_shared<ParseOptions>();
    sub = under(*one, "parse", "Read a device's output from standard input and print the entries in it");
    sub->add_option("driver", parse_options->driver, "the driver")->required();
    sub->add_option("--family", parse_options->family, "4 or 6; both by default")->check(CLI::IsMember({4, 6}));
    sub->add_option("--list", parse_options->list, "the list's name in that output");
    on(sub, drivers_parse, parse_options);

    auto render_options = std::make_shared<RenderOptions>();
    sub = under(*one, "render", "Print what would be sent to add and remove these prefixes");
    sub->add_option("driver", render_options->driver, "the driver")->required();
    sub->add_option("--add", render_options->add, "prefixes to add");
    sub->add_option("--remove", render_options->remove, "prefixes to remove");
    sub->add_option("--installed", render_options->installed, "a file with the device's own output of its list");
    sub->add_option("--param", render_options->params, "NAME=VALUE, a parameter of the driver")->allow_extra_args(false);
    on(sub, drivers_render, render_options);
  }

  CLI::App &app_;
  std::function<int(const Settings &)> &work_;
};

int run(const Settings &settings, const std::function<int(const Settings &)> &work) {
  try {
    return work(settings);
  } catch (const Error &error) {
    settings.console.fail(error.what(), exit_code_of(error.kind()));
    return exit_code_of(error.kind());
  } catch (const std::exception &error) {
    settings.console.fail(error.what(), 1);
    return 1;
  }
}

// A word where a verb is due and that is none, with what may have been meant; empty where it is something else.
std::string mistyped(const CLI::App &app) {
  const CLI::App *at = &app;
  std::string called = "banpush";
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    called += " " + at->get_name();
  }
  const Names all = app.remaining(true);
  Names verbs, words = all;
  for (const CLI::App *one : at->get_subcommands([](const CLI::App *) { return true; }))
    verbs.push_back(one->get_name());
  words.erase(std::remove_if(words.begin(), words.end(), [](const std::string &one) { return one.empty() || one.front() == '-'; }),
              words.end());
  const bool is_option = std::any_of(all.begin(), all.end(), [](const std::string &one) { return one.size() > 1 && one.front() == '-'; });
  if (verbs.empty() || words.empty() || is_option) // its value may be the word
    return {};
  return unknown_verb(called, words, verbs);
}

bool is_among(int argc, char **argv, std::string_view word) {
  return std::any_of(argv + 1, argv + argc, [word](const char *one) { return word == one; });
}

// What was to be read by somebody and could not be written is no success.
int all_written(int code) {
  std::cout.flush();
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout)
    return code;
  std::fputs("banpush: standard output cannot be written: what was to be said there is lost\n", stderr);
  return code == 0 ? 1 : code;
}

// Passwords pass through this process: no debugger of the same user, and no core (prctl(2)). The limit holds for the programs
// that it starts, too, whose input or output may be a secret.
void keep_memory_to_ourselves() {
  const rlimit none{0, 0};
  if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
    std::fputs("banpush: cores and debuggers of this process cannot be forbidden here\n", stderr);
}

// Whoever starts us with closed ones wants nothing said there; a file of ours must not get their numbers.
void open_standard_descriptors() {
  for (const int one : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(one, F_GETFD) < 0)
      static_cast<void>(::open("/dev/null", O_RDWR)); // the lowest number that is free
}

} // namespace

int main(int argc, char **argv) {
  open_standard_descriptors();
  keep_memory_to_ourselves();
  CLI::App app{"banpush keeps the bans that fail2ban servers share in force on routers, switches and firewalls.\n"
               "Start with: banpush init, banpush check, banpush plan. Manual and examples: docs/ and config/banpush.yaml.",
               "banpush"};
  app.set_version_flag("--version", BANPUSH_VERSION);
  app.require_subcommand(1);
  app.formatter(help_layout());
  app.footer(help_footer(""));
  Flags flags;
  app.add_option("-c,--config", flags.config, "configuration file")->envname("BANPUSH_CONFIG")->capture_default_str();
  app.add_flag("--json", flags.json, "one JSON document on standard output");
  app.add_flag("-q,--quiet", flags.quiet, "only results and errors");
  app.add_flag("-v,--verbose", flags.verbose, "more: what devices said, what is protected");
  app.add_flag("--no-color", flags.no_color, "no colours (NO_COLOR does the same)");
  app.add_option("--trace", flags.trace, "write the dialogue with devices to this file, secrets left out");
  std::function<int(const Settings &)> work;
  Verbs verbs(app, work); // what it lays down with the verbs refers to it
  verbs.all();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    flags.json = flags.json || is_among(argc, argv, "--json"); // what comes behind a mistake is not parsed
    const Settings settings = settings_of(flags, argc, argv);
    if (const std::string what = error.get_exit_code() == 0 ? "" : mistyped(app); !what.empty()) {
      settings.console.warn(what);
      settings.console.give_error(what, 2);
      return all_written(2);
    }
    const int status = app.exit(error) == 0 ? 0 : 2;
    if (status != 0) {
      settings.console.warn("usage: " + usage_of(app));
      settings.console.give_error(error.what(), status);
    }
    return all_written(status);
  }
  return all_written(run(settings_of(flags, argc, argv), work));
}
