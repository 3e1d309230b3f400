#include "transport/ssh/ssh_channel.hpp"

#include <fmt/format.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>

namespace banpush {

namespace {

// As much as is handed to libssh at a time: it keeps all it is given, and writes that in one go.
constexpr std::size_t most_at_once = 32U << 10U;

// Closes the channel where it is open. One that the server refused has no number there: what is said of it would be about another.
struct FreeChannel {
  void operator()(ssh_channel channel) const noexcept { ssh_channel_free(channel); }
};

} // namespace

struct SshChannel::State {
  State(ssh_session session, std::string &to_output, std::string &to_errors)
      : output(to_output), errors(to_errors), channel(ssh_channel_new(session)) {
    ssh_callbacks_init(&callbacks);
    callbacks.userdata = this;
    callbacks.channel_data_function = [](ssh_session, ssh_channel, void *data, std::uint32_t size, int is_stderr, void *self) {
      auto &state = *static_cast<State *>(self);
      (is_stderr != 0 ? state.errors : state.output).append(static_cast<const char *>(data), size);
      return static_cast<int>(size);
    };
    callbacks.channel_eof_function = [](ssh_session, ssh_channel, void *self) { static_cast<State *>(self)->at_end = true; };
    callbacks.channel_close_function = [](ssh_session, ssh_channel, void *self) { static_cast<State *>(self)->closed = true; };
    callbacks.channel_exit_status_function = [](ssh_session, ssh_channel, int told, void *self) {
      static_cast<State *>(self)->status = told;
    };
    callbacks.channel_exit_signal_function = [](ssh_session, ssh_channel, const char *name, int, const char *, const char *, void *self) {
      static_cast<State *>(self)->signal = name == nullptr ? "unknown" : name;
    };
    if (channel)
      ssh_set_channel_callbacks(channel.get(), &callbacks);
  }

  std::string &output;
  std::string &errors;
  bool at_end = false, closed = false;
  std::optional<int> status;
  std::string signal;
  ssh_channel_callbacks_struct callbacks{};
  std::unique_ptr<ssh_channel_struct, FreeChannel> channel; // uses all of the above until it is freed
};

SshChannel::SshChannel(SshSession &session, std::chrono::milliseconds silence)
    : session_(session), silence_(silence), state_(std::make_unique<State>(session.handle(), output_, errors_)) {
  request([this] { return ssh_channel_open_session(state_->channel.get()); }, "the server opens no channel");
}

SshChannel::SshChannel(SshSession &session, const std::string &host, std::uint16_t port, std::chrono::milliseconds silence)
    : session_(session), silence_(silence), state_(std::make_unique<State>(session.handle(), output_, errors_)) {
  request([&] { return ssh_channel_open_forward(state_->channel.get(), host.c_str(), port, "127.0.0.1", 0); },
          fmt::format("the server connects no further to {} port {}", host, port));
}

SshChannel::~SshChannel() = default;

void SshChannel::request(const std::function<int()> &call, const std::string &what) {
  if (!state_->channel || session_.finish(call, SSH_AGAIN, silence_, what) != SSH_OK)
    session_.fail(what);
}

void SshChannel::start_program(const std::string &command_line) {
  request([&] { return ssh_channel_request_exec(state_->channel.get(), command_line.c_str()); }, "the server runs no program");
}

void SshChannel::start_shell(const char *terminal, int columns, int rows) {
  request([&] { return ssh_channel_request_pty_size(state_->channel.get(), terminal, columns, rows); }, "the server gives no terminal");
  request([&] { return ssh_channel_request_shell(state_->channel.get()); }, "the server starts no shell");
}

void SshChannel::start_subsystem(const char *name) {
  request([&] { return ssh_channel_request_subsystem(state_->channel.get(), name); }, fmt::format("the server has no subsystem {}", name));
}

std::size_t SshChannel::write_some(std::string_view bytes) {
  if (bytes.empty() || session_.write_pending())
    return 0;
  const auto size = static_cast<std::uint32_t>(std::min(bytes.size(), most_at_once));
  const int written = ssh_channel_write(state_->channel.get(), bytes.data(), size);
  if (written >= 0)
    return static_cast<std::size_t>(written);
  if (!session_.connected())
    session_.fail("the connection was lost");
  throw Error(ErrorKind::Connect, session_.target().name + ": the device has closed the channel");
}

void SshChannel::end_input() { ssh_channel_send_eof(state_->channel.get()); }

void SshChannel::pump() {
  // Two calls that handle packets, the first only until the end of the data, the second until the status.
  if (!at_end())
    ssh_channel_poll(state_->channel.get(), 0);
  else
    ssh_channel_get_exit_status(state_->channel.get());
  if (!session_.connected() && !closed() && output_.empty() && errors_.empty())
    session_.fail("the connection was lost");
}

bool SshChannel::at_end() const noexcept { return state_->at_end || state_->closed; }
bool SshChannel::closed() const noexcept { return state_->closed; }
std::optional<int> SshChannel::exit_status() const noexcept { return state_->status; }
const std::string &SshChannel::exit_signal() const noexcept { return state_->signal; }
void SshChannel::terminate() noexcept { ssh_channel_request_send_signal(state_->channel.get(), "TERM"); }

} // namespace banpush
