#include "lab/ssh/ssh_connection.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <libssh/callbacks.h>
#include <libssh/server.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace banpush::lab {

namespace {

constexpr int tries_to_log_in = 6;
constexpr milliseconds patience{1000}; // for a client to hang up once all is said

} // namespace

struct SshConnection::State {
  State(Emulated &emulated, ssh_session its) : device(emulated), session(its) {}

  Emulated &device;
  ssh_session session;
  ssh_event event = nullptr;
  ssh_channel channel = nullptr;
  ssh_server_callbacks_struct on_session{};
  ssh_channel_callbacks_struct on_channel{};
  std::unique_ptr<Vty> vty;
  Fields login;
  std::size_t columns = 0;
  std::string out, asked_user;
  bool counted = false, greeted = false, typed_all = false, hung = false, over = false, ending = false;
  int failures = 0;
  std::optional<Clock::time_point> leaves_at;
  Address peer{};
  std::uint64_t changes = 0; // of the device, when its lists were last asked about the peer

  bool good_user(const char *name) {
    const Description &description = device.description();
    login = {{"login", name}, {"user", name}};
    if (const auto match = description.login_name.match(name))
      for (const std::string &group : description.login_name.groups())
        login[group] = std::string(match->group(group).value_or(""));
    return login["user"] == device.variant().username;
  }

  int verdict(bool good) {
    if (good)
      return SSH_AUTH_SUCCESS;
    ++device.seen.failed_logins;
    if (++failures >= tries_to_log_in)
      over = true;
    return SSH_AUTH_DENIED;
  }

  // A device that drops the session's own packets has cut itself off: nothing comes through any more.
  void meet_own_lists() {
    if (changes == device.changes || vty == nullptr)
      return;
    changes = device.changes;
    hung = hung || !device.session_passes(peer);
  }

  // Counts the session, once it has a shell or runs a command. False when it is one too many.
  bool count() {
    ++device.seen.opened;
    ++device.seen.open;
    counted = true;
    device.seen.peak = std::max(device.seen.peak, device.seen.open);
    return device.seen.open <= device.variant().sessions.value_or(device.description().sessions);
  }

  static State &of(void *data) { return *static_cast<State *>(data); }
};

namespace {

using State = SshConnection::State;

// The banner goes out with the first thing the client asks (RFC 4252, 5.4).
void greet(State &state) {
  const std::string &banner = state.device.variant().banner;
  if (std::exchange(state.greeted, true) || banner.empty())
    return;
  const ssh_string text = ssh_string_from_char(banner.c_str());
  ssh_send_issue_banner(state.session, text);
  ssh_string_free(text);
}

int on_nothing(ssh_session, const char *, void *data) {
  greet(State::of(data));
  return SSH_AUTH_DENIED;
}

// Asks for the password the way many devices do (RFC 4256).
int on_message(ssh_session session, ssh_message message, void *data) {
  State &state = State::of(data);
  if (ssh_message_type(message) != SSH_REQUEST_AUTH || ssh_message_subtype(message) != SSH_AUTH_METHOD_INTERACTIVE)
    return 1;
  if (ssh_message_auth_kbdint_is_response(message) == 0) {
    state.asked_user = ssh_message_auth_user(message);
    const char *prompts[] = {"Password: "};
    char echo[] = {0};
    ssh_message_auth_interactive_request(message, "", "", 1, prompts, echo);
    return 0;
  }
  const char *answer = ssh_userauth_kbdint_getnanswers(session) == 1 ? ssh_userauth_kbdint_getanswer(session, 0) : nullptr;
  const bool good = answer != nullptr && state.good_user(state.asked_user.c_str()) && state.device.variant().password == answer;
  if (state.verdict(good) == SSH_AUTH_SUCCESS)
    ssh_message_auth_reply_success(message, 0);
  else
    ssh_message_reply_default(message);
  return 0;
}

int on_password(ssh_session, const char *user, const char *password, void *data) {
  State &state = State::of(data);
  greet(state);
  return state.verdict(state.good_user(user) && !state.device.variant().password.empty() && state.device.variant().password == password);
}

int on_key(ssh_session, const char *user, struct ssh_key_struct *key, char signature, void *data) {
  State &state = State::of(data);
  greet(state);
  char *base64 = nullptr;
  if (!state.good_user(user) || ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK)
    return SSH_AUTH_DENIED;
  const bool known = state.device.variant().public_key.find(base64) != std::string::npos;
  ssh_string_free_char(base64);
  if (!known || signature == SSH_PUBLICKEY_STATE_NONE)
    return known ? SSH_AUTH_SUCCESS : SSH_AUTH_DENIED; // only asked whether it would do
  return state.verdict(signature == SSH_PUBLICKEY_STATE_VALID);
}

int on_data(ssh_session, ssh_channel, void *data, std::uint32_t length, int is_stderr, void *own) {
  State &state = State::of(own);
  if (is_stderr == 0 && state.vty && !state.hung)
    state.vty->receive({static_cast<const char *>(data), length}, Clock::now());
  return static_cast<int>(length);
}

int on_pty(ssh_session, ssh_channel, const char *, int columns, int, int, int, void *data) {
  State::of(data).columns = columns > 0 ? static_cast<std::size_t>(columns) : 0;
  return 0;
}

// A shell, or one command where there is one. At once, not later: what the client types may lie in the same
// bytes as its request.
void start(State &state, const char *command) {
  if (!state.counted && !state.count()) {
    ++state.device.seen.refused;
    const auto says = state.device.description().says.find("too_many");
    state.out += says == state.device.description().says.end() ? "" : says->second.render({});
    state.ending = true;
    return;
  }
  if (command == nullptr) {
    state.vty = std::make_unique<Vty>(state.device, state.login, state.columns);
    state.vty->start(Clock::now());
    return;
  }
  Shell one(state.device, state.login);
  one.take(command);
  std::string reply = one.take_reply();
  for (std::size_t at = 0; (at = reply.find('\n', at)) != std::string::npos; at += 2)
    reply.replace(at, 1, "\r\n");
  state.out += reply;
  if (one.wish() == Shell::Wish::Hang)
    state.hung = true;
  else if (one.wish() == Shell::Wish::Lose)
    state.over = true;
  else
    state.ending = true;
}

int on_shell(ssh_session, ssh_channel, void *data) {
  start(State::of(data), nullptr);
  return 0;
}

int on_command(ssh_session, ssh_channel, const char *command, void *data) {
  start(State::of(data), command);
  return 0;
}

// The client types no more, but what it typed is still worked off.
void on_eof(ssh_session, ssh_channel, void *data) { State::of(data).typed_all = true; }

void on_close(ssh_session, ssh_channel, void *data) { State::of(data).ending = true; }

ssh_channel on_channel(ssh_session session, void *data) {
  State &state = State::of(data);
  if (state.channel != nullptr)
    return nullptr; // one at a time
  state.channel = ssh_channel_new(session);
  state.on_channel = {};
  state.on_channel.userdata = &state;
  state.on_channel.channel_data_function = on_data;
  state.on_channel.channel_pty_request_function = on_pty;
  state.on_channel.channel_shell_request_function = on_shell;
  state.on_channel.channel_exec_request_function = on_command;
  state.on_channel.channel_eof_function = on_eof;
  state.on_channel.channel_close_function = on_close;
  ssh_callbacks_init(&state.on_channel);
  ssh_set_channel_callbacks(state.channel, &state.on_channel);
  return state.channel;
}

Address peer_of(int fd) {
  sockaddr_storage all{};
  socklen_t length = sizeof all;
  Address peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr *>(&all), &length) != 0)
    return peer;
  peer.six = all.ss_family == AF_INET6;
  const auto *bytes = peer.six ? reinterpret_cast<const sockaddr_in6 *>(&all)->sin6_addr.s6_addr
                               : reinterpret_cast<const std::uint8_t *>(&reinterpret_cast<const sockaddr_in *>(&all)->sin_addr);
  std::copy(bytes, bytes + (peer.six ? 16 : 4), peer.bytes.begin());
  return peer;
}

} // namespace

SshConnection::SshConnection(Emulated &device, ssh_session_struct *session, Clock::time_point now)
    : state_(std::make_unique<State>(device, session)) {
  State &state = *state_;
  state.peer = peer_of(ssh_get_fd(session));
  state.on_session.userdata = &state;
  state.on_session.auth_none_function = on_nothing;
  state.on_session.auth_password_function = on_password;
  state.on_session.auth_pubkey_function = on_key;
  state.on_session.channel_open_request_session_function = on_channel;
  ssh_callbacks_init(&state.on_session);
  ssh_set_server_callbacks(session, &state.on_session);
  const bool interactive = device.description().keyboard_interactive;
  ssh_set_auth_methods(session, SSH_AUTH_METHOD_PUBLICKEY | (interactive ? SSH_AUTH_METHOD_INTERACTIVE : SSH_AUTH_METHOD_PASSWORD));
  if (interactive)
    ssh_set_message_callback(session, on_message, &state);
  ssh_set_blocking(session, 0);
  ssh_handle_key_exchange(session); // begins it; the event goes on with it
  state.event = ssh_event_new();
  ssh_event_add_session(state.event, session); // an event of its own: a shared one crashes (libssh 0.10)
  serve(now);
}

SshConnection::~SshConnection() {
  State &state = *state_;
  if (state.counted)
    --state.device.seen.open;
  state.vty.reset();
  ssh_event_remove_session(state.event, state.session);
  ssh_event_free(state.event);
  ssh_disconnect(state.session);
  ssh_free(state.session);
}

pollfd SshConnection::poll_for() const {
  const bool has_more = !state_->out.empty() && state_->channel != nullptr && ssh_channel_window_size(state_->channel) != 0;
  const bool writes = has_more || (ssh_get_poll_flags(state_->session) & SSH_WRITE_PENDING) != 0;
  return {ssh_get_fd(state_->session), static_cast<short>(POLLIN | (writes ? POLLOUT : 0)), 0};
}

std::optional<Clock::time_point> SshConnection::due() const {
  return state_->leaves_at ? state_->leaves_at : state_->vty && !state_->hung ? state_->vty->due() : std::nullopt;
}

bool SshConnection::over() const noexcept { return state_->over; }

void SshConnection::cut() noexcept {
  const linger at_once{1, 0};
  const int fd = ssh_get_fd(state_->session);
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ssh_silent_disconnect(state_->session);
  state_->over = true;
}

namespace {

// Sends what the client's window takes. False when the channel is gone.
bool send_some(State &state) {
  const std::size_t chunk = state.device.variant().chunk;
  std::size_t sent = 0;
  while (sent < state.out.size()) {
    const std::size_t room = ssh_channel_window_size(state.channel);
    std::size_t size = std::min(state.out.size() - sent, room);
    if (chunk != 0)
      size = std::min(size, chunk);
    if (size == 0)
      break;
    const int taken = ssh_channel_write(state.channel, state.out.data() + sent, static_cast<std::uint32_t>(size));
    if (taken <= 0) {
      state.out.erase(0, sent);
      return taken == SSH_AGAIN || taken == 0;
    }
    sent += static_cast<std::size_t>(taken);
  }
  state.out.erase(0, sent);
  return true;
}

} // namespace

void SshConnection::serve(Clock::time_point now) {
  State &state = *state_;
  if (ssh_event_dopoll(state.event, 0) == SSH_ERROR || ssh_is_connected(state.session) == 0 ||
      (ssh_get_status(state.session) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0) {
    state.over = true;
    return;
  }
  if (state.vty && !state.hung && !state.leaves_at) {
    state.vty->tick(now);
    state.meet_own_lists();
    if (state.hung)
      return;
    state.out += state.vty->take_output();
    if (state.vty->wish() == Shell::Wish::Hang)
      state.hung = true;
    if (state.vty->wish() == Shell::Wish::Lose) {
      cut();
      return;
    }
    if (state.vty->wish() == Shell::Wish::Close || (state.typed_all && state.vty->idle()))
      state.ending = true;
  }
  if (state.over || state.channel == nullptr)
    return;
  if (!send_some(state)) {
    state.over = true;
    return;
  }
  if (state.ending && !state.leaves_at && state.out.empty()) {
    ssh_channel_request_send_exit_status(state.channel, 0);
    ssh_channel_send_eof(state.channel);
    ssh_channel_close(state.channel);
    ssh_event_dopoll(state.event, 0);
    state.ending = false;
    state.leaves_at = now + patience;
  }
  if (state.leaves_at && now >= *state.leaves_at)
    state.over = true;
}

} // namespace banpush::lab
