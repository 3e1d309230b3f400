// A NETCONF server on libnetconf2's server side, for the tests: candidate, locks, confirmed commits with a timer, and
// the YANG modules obeyed. Sessions come over a Unix socket, from behind a real sshd (relay.py).
//
//   netconf_server SOCKET STARTUP-FILE MODULE-FOLDERS(:) MOST-ENTRIES MODULE…
#include "store.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <vector>

#include <nc_server.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

struct Pending {
  Store before;
  std::string persist;
  std::uint32_t session;
  Clock::time_point until;
};

struct Device {
  ly_ctx *context;
  Store running, candidate;
  std::string startup; // file
  std::size_t most;
  std::map<std::string, std::uint32_t> locks; // datastore → session
  std::optional<Pending> pending;

  Device(ly_ctx *its_context, std::string file, std::size_t room)
      : context(its_context), running(context), candidate(context), startup(std::move(file)), most(room) {
    running.load(startup);
    candidate = running;
  }

  void roll_back() {
    running = pending->before;
    candidate = running;
    pending.reset();
  }

  void session_ended(std::uint32_t id) {
    for (auto lock = locks.begin(); lock != locks.end();)
      if (lock->second == id) {
        if (lock->first == "candidate")
          candidate = running;
        lock = locks.erase(lock);
      } else {
        ++lock;
      }
    if (pending && pending->persist.empty() && pending->session == id)
      roll_back();
  }

  void check_lock(const std::string &store, std::uint32_t id) const {
    if (const auto lock = locks.find(store); lock != locks.end() && lock->second != id)
      throw Refused("in-use", store + " is locked by another session");
  }

  void commit(const lyd_node *rpc, std::uint32_t id);
};

Device *device = nullptr;

std::string text_of(const lyd_node *node) { return node == nullptr ? "" : lyd_get_value(node); }

void Device::commit(const lyd_node *rpc, std::uint32_t id) {
  const std::string persist_id = text_of(child(rpc, "persist-id"));
  if ((pending && pending->persist != persist_id) || (!pending && !persist_id.empty()))
    throw Refused("invalid-value", "there is no confirmed commit of that id");
  check_lock("running", id);
  candidate.validate();
  const Store before = pending ? pending->before : running;
  pending.reset();
  running = candidate;
  if (child(rpc, "confirmed") != nullptr)
    pending = Pending{before, text_of(child(rpc, "persist")), id,
                      Clock::now() + std::chrono::seconds(std::stoi(text_of(child(rpc, "confirm-timeout"))))};
}

std::string store_of(const lyd_node *rpc, const char *where) {
  const lyd_node *place = child(rpc, where);
  return place == nullptr || lyd_child(place) == nullptr ? "" : LYD_NAME(lyd_child(place));
}

nc_server_reply *data_reply(const lyd_node *rpc, const Store &store) {
  lyd_node *found = store.select(child(rpc, "filter"));
  lyd_node *reply = nullptr;
  lyd_dup_single(rpc, nullptr, 0, &reply);
  lyd_new_any(reply, nullptr, "data", found, 1, LYD_ANYDATA_DATATREE, 1, nullptr);
  return nc_server_reply_data(reply, NC_WD_EXPLICIT, NC_PARAMTYPE_FREE);
}

nc_server_reply *lock(const lyd_node *rpc, std::uint32_t id) {
  const std::string store = store_of(rpc, "target");
  if (const auto holder = device->locks.find(store); holder != device->locks.end()) {
    lyd_node *error = nc_err(device->context, NC_ERR_LOCK_DENIED, holder->second);
    nc_err_set_msg(error, "The lock is held already.", "en");
    return nc_server_reply_err(error);
  }
  device->locks[store] = id;
  return nc_server_reply_ok();
}

void edit(const lyd_node *rpc, std::uint32_t id) {
  const std::string name = store_of(rpc, "target");
  device->check_lock(name, id);
  Store &store = name == "candidate" ? device->candidate : device->running;
  Store edited = store;
  edited.edit(content_of(child(rpc, "config")), device->most);
  edited.validate();
  store = edited;
}

nc_server_reply *done(const lyd_node *rpc, std::uint32_t id) {
  const std::string operation = LYD_NAME(rpc);
  if (operation == "get-config") {
    const std::string source = store_of(rpc, "source");
    Store startup(device->context);
    if (source == "startup")
      startup.load(device->startup);
    return data_reply(rpc, source == "startup" ? startup : source == "candidate" ? device->candidate : device->running);
  }
  if (operation == "lock")
    return lock(rpc, id);
  if (operation == "unlock") {
    const auto held = device->locks.find(store_of(rpc, "target"));
    if (held == device->locks.end() || held->second != id)
      throw Refused("operation-failed", "it was not locked by this session");
    device->locks.erase(held);
  } else if (operation == "discard-changes") {
    device->check_lock("candidate", id);
    device->candidate = device->running;
  } else if (operation == "edit-config") {
    edit(rpc, id);
  } else if (operation == "validate") {
    device->candidate.validate();
  } else if (operation == "commit") {
    device->commit(rpc, id);
  } else if (operation == "cancel-commit") {
    if (!device->pending || device->pending->persist != text_of(child(rpc, "persist-id")))
      throw Refused("operation-failed", "there is no such confirmed commit");
    device->roll_back();
  } else if (operation == "copy-config" && store_of(rpc, "target") == "startup") {
    device->running.save(device->startup);
  } else {
    throw Refused("operation-not-supported", operation);
  }
  return nc_server_reply_ok();
}

nc_server_reply *answer(lyd_node *rpc, nc_session *session) {
  try {
    return done(rpc, nc_session_get_id(session));
  } catch (const Refused &refused) {
    const NC_ERR tag = refused.tag == "invalid-value"             ? NC_ERR_INVALID_VALUE
                       : refused.tag == "in-use"                  ? NC_ERR_IN_USE
                       : refused.tag == "operation-not-supported" ? NC_ERR_OP_NOT_SUPPORTED
                       : refused.tag == "data-exists"             ? NC_ERR_DATA_EXISTS
                       : refused.tag == "data-missing"            ? NC_ERR_DATA_MISSING
                                                                  : NC_ERR_OP_FAILED;
    lyd_node *error = nc_err(device->context, tag, NC_ERR_TYPE_APP);
    nc_err_set_msg(error, refused.what(), "en");
    return nc_server_reply_err(error);
  }
}

int listen_at(const std::string &path) {
  const int handle = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (handle < 0 || ::bind(handle, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0 || ::listen(handle, 50) != 0) {
    std::perror(path.c_str());
    std::exit(1);
  }
  return handle;
}

ly_ctx *context_of(const std::string &folders, const std::vector<std::string> &modules) {
  ly_ctx *context = nullptr;
  if (ly_ctx_new(nullptr, LY_CTX_DISABLE_SEARCHDIR_CWD, &context) != LY_SUCCESS)
    std::exit(1);
  for (std::size_t from = 0; from <= folders.size();) {
    const std::size_t to = std::min(folders.find(':', from), folders.size());
    ly_ctx_set_searchdir(context, folders.substr(from, to - from).c_str());
    from = to + 1;
  }
  const char *features[] = {"writable-running", "candidate", "confirmed-commit", "rollback-on-error", "validate", "startup", nullptr};
  bool good = ly_ctx_load_module(context, "ietf-netconf", nullptr, features) != nullptr &&
              ly_ctx_load_module(context, "ietf-netconf-monitoring", nullptr, nullptr) != nullptr;
  for (const std::string &module : modules)
    good = good && ly_ctx_load_module(context, module.c_str(), nullptr, nullptr) != nullptr;
  if (!good) {
    std::cerr << "a module cannot be loaded: " << (ly_errmsg(context) == nullptr ? "" : ly_errmsg(context)) << '\n';
    std::exit(1);
  }
  return context;
}

volatile std::sig_atomic_t ended = 0;

void serve(int listener) {
  nc_pollsession *sessions = nc_ps_new();
  std::map<nc_session *, int> handles;
  while (ended == 0) {
    pollfd wait{listener, POLLIN, 0};
    if (::poll(&wait, 1, handles.empty() ? 200 : 0) > 0) {
      const int handle = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      nc_session *session = nullptr;
      if (handle >= 0 && nc_accept_inout(handle, handle, "banpush", &session) == NC_MSG_HELLO) {
        handles[session] = handle;
        nc_ps_add_session(sessions, session);
      } else if (handle >= 0) {
        ::close(handle);
      }
    }
    if (device->pending && Clock::now() >= device->pending->until)
      device->roll_back();
    nc_session *session = nullptr;
    const int what = handles.empty() ? 0 : nc_ps_poll(sessions, 5, &session);
    if ((what & (NC_PSPOLL_SESSION_TERM | NC_PSPOLL_SESSION_ERROR)) != 0) {
      device->session_ended(nc_session_get_id(session));
      nc_ps_del_session(sessions, session);
      ::close(handles.at(session));
      handles.erase(session);
      nc_session_free(session, nullptr);
    }
  }
  nc_ps_clear(sessions, 1, nullptr);
  nc_ps_free(sessions);
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 6)
    return 2;
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGTERM, [](int) { ended = 1; });
  ly_ctx *context = context_of(argv[3], {argv + 5, argv + argc});
  Device its_device(context, argv[2], static_cast<std::size_t>(std::atol(argv[4])));
  device = &its_device;
  nc_server_init(context);
  nc_set_global_rpc_clb(answer);
  nc_server_set_hello_timeout(60);
  serve(listen_at(argv[1]));
  std::_Exit(0); // nothing is left to lose, and libnetconf2 keeps what it has until the end
}
