#include "fakes/ssh_device.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <cstring>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <mutex>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace banpush::fakes {

namespace {

std::string text_of(char *text) {
  std::string out = text == nullptr ? "" : text;
  ssh_string_free_char(text);
  return out;
}

int listen_on_loopback() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0 || ::listen(fd, 512) != 0)
    throw std::runtime_error(std::string("cannot listen on 127.0.0.1: ") + std::strerror(errno));
  return fd;
}

} // namespace

struct SshDevice::State {
  SshDeviceOptions options;
  ssh_key key = nullptr;
  int listener = -1;
  std::uint16_t port = 0;
  std::string known_host, fingerprint;
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> sessions = 0, open_sessions = 0, passwords = 0;
  mutable std::mutex mutex; // guards the next three
  std::vector<std::string> received;
  std::string terminal;
  std::vector<std::thread> threads;
  std::thread acceptor;
};

namespace {

// One connection, in a thread of its own.
class Connection {
public:
  struct Reports {
    std::function<void(const std::vector<std::string> &)> lines;
    std::function<void(std::string)> terminal;
    std::function<void()> password;
  };

  Connection(const SshDeviceOptions &options, ssh_session session, std::atomic<bool> &stop, Reports reports)
      : options_(options), session_(session), stop_(stop), reports_(std::move(reports)) {}

  void serve() {
    prepare();
    if (ssh_handle_key_exchange(session_) != SSH_OK)
      return;
    ssh_event event = ssh_event_new();
    ssh_event_add_session(event, session_);
    while (!stop_ && !over_ && ssh_is_connected(session_) != 0 && ssh_event_dopoll(event, 20) != SSH_ERROR)
      ;
    if (over_ && !options_.hard_end && ssh_is_connected(session_) != 0)
      ssh_event_dopoll(event, 100); // lets the last words out
    ssh_event_remove_session(event, session_);
    ssh_event_free(event);
  }

private:
  static Connection &self(void *data) { return *static_cast<Connection *>(data); }

  void prepare() {
    int methods = options_.offers_password ? SSH_AUTH_METHOD_PASSWORD : 0;
    methods |= options_.offers_key ? SSH_AUTH_METHOD_PUBLICKEY : 0;
    methods |= options_.question.empty() ? 0 : SSH_AUTH_METHOD_INTERACTIVE;
    ssh_set_auth_methods(session_, methods);
    ssh_callbacks_init(&server_);
    server_.userdata = this;
    server_.auth_none_function = [](ssh_session session, const char *, void *data) {
      if (!self(data).options_.banner.empty()) {
        ssh_string banner = ssh_string_from_char(self(data).options_.banner.c_str());
        ssh_send_issue_banner(session, banner);
        ssh_string_free(banner);
      }
      while (self(data).options_.silent_at_login && !self(data).stop_)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      if (self(data).options_.ends_at == "none")
        self(data).hang_up();
      return static_cast<int>(self(data).options_.none ? SSH_AUTH_SUCCESS : SSH_AUTH_DENIED);
    };
    server_.auth_password_function = [](ssh_session, const char *user, const char *password, void *data) {
      const SshDeviceOptions &options = self(data).options_;
      self(data).reports_.password();
      if (options.ends_at == "password") {
        self(data).hang_up();
        return static_cast<int>(SSH_AUTH_DENIED);
      }
      return self(data).judged(user == options.user && !options.password.empty() && password == options.password);
    };
    server_.auth_pubkey_function = [](ssh_session, const char *user, ssh_key_struct *key, char state, void *data) {
      const SshDeviceOptions &options = self(data).options_;
      char *base64 = nullptr;
      ssh_pki_export_pubkey_base64(key, &base64);
      const std::string shown = text_of(base64);
      const bool known = user == options.user && options.authorized_key.find(" " + shown) != std::string::npos;
      return self(data).judged(known && (state == SSH_PUBLICKEY_STATE_NONE || state == SSH_PUBLICKEY_STATE_VALID));
    };
    server_.channel_open_request_session_function = [](ssh_session session, void *data) {
      self(data).channel_ = ssh_channel_new(session);
      self(data).prepare_channel();
      return self(data).channel_;
    };
    ssh_set_server_callbacks(session_, &server_);
    ssh_set_message_callback(
        session_, [](ssh_session, ssh_message message, void *data) { return self(data).ask(message); }, this);
  }

  // With nothing said, not even a refusal.
  void hang_up() {
    ::shutdown(ssh_get_fd(session_), SHUT_RDWR);
    over_ = true;
  }

  int judged(bool right) {
    if (right || ++refused_ != options_.most_tries)
      return static_cast<int>(right ? SSH_AUTH_SUCCESS : SSH_AUTH_DENIED);
    if (!options_.last_words.empty()) {
      ssh_session_set_disconnect_message(session_, options_.last_words.c_str());
      const int copy = ::dup(ssh_get_fd(session_)); // libssh would leave it open
      ssh_disconnect(session_);
      ::shutdown(copy, SHUT_WR);
      ::close(copy);
      over_ = true;
    } else {
      hang_up();
    }
    return static_cast<int>(SSH_AUTH_DENIED);
  }

  // Keyboard-interactive, for which libssh has no callback. 0: dealt with.
  int ask(ssh_message message) {
    if (ssh_message_type(message) != SSH_REQUEST_AUTH || ssh_message_subtype(message) != SSH_AUTH_METHOD_INTERACTIVE ||
        options_.question.empty())
      return 1;
    if (ssh_message_auth_kbdint_is_response(message) == 0) {
      const char *prompts[] = {options_.question.c_str()};
      char echo[] = {static_cast<char>(options_.echo_answer ? 1 : 0)};
      ssh_message_auth_interactive_request(message, "", "", 1, prompts, echo);
      return 0;
    }
    const char *answer = ssh_userauth_kbdint_getanswer(session_, 0);
    if (answer == nullptr || answer != options_.password)
      return 1;
    ssh_message_auth_reply_success(message, 0);
    return 0;
  }

  void prepare_channel() {
    ssh_callbacks_init(&on_channel_);
    on_channel_.userdata = this;
    on_channel_.channel_pty_request_function = [](ssh_session, ssh_channel, const char *term, int columns, int rows, int, int, void *data) {
      self(data).reports_.terminal(std::string(term) + " " + std::to_string(columns) + "x" + std::to_string(rows));
      return 0;
    };
    on_channel_.channel_shell_request_function = [](ssh_session, ssh_channel, void *data) {
      if (self(data).options_.refuse_shell)
        return 1;
      self(data).cli_ = self(data).options_.cli();
      self(data).say(self(data).cli_->start());
      return 0;
    };
    on_channel_.channel_exec_request_function = [](ssh_session, ssh_channel, const char *command, void *data) {
      self(data).command_ = command;
      return self(data).options_.program ? 0 : 1;
    };
    on_channel_.channel_data_function = [](ssh_session, ssh_channel, void *bytes, std::uint32_t size, int, void *data) {
      self(data).typed({static_cast<const char *>(bytes), size});
      return static_cast<int>(size);
    };
    on_channel_.channel_eof_function = [](ssh_session, ssh_channel, void *data) { self(data).run_program(); };
    ssh_set_channel_callbacks(channel_, &on_channel_);
  }

  void typed(std::string_view bytes) {
    if (!cli_) {
      input_ += bytes;
      return;
    }
    const std::size_t before = cli_->received.size();
    const std::string words = cli_->type(bytes);
    reports_.lines({cli_->received.begin() + static_cast<std::ptrdiff_t>(before), cli_->received.end()});
    say(words);
    if (cli_->ended && !over_) {
      over_ = true;
      if (!options_.hard_end) {
        ssh_channel_send_eof(channel_);
        ssh_channel_close(channel_);
      }
    }
  }

  void say(const std::string &words) {
    if (!options_.byte_by_byte) {
      ssh_channel_write(channel_, words.data(), static_cast<std::uint32_t>(words.size()));
      return;
    }
    for (const char c : words) {
      ssh_channel_write(channel_, &c, 1);
      ssh_blocking_flush(session_, 1000);
    }
  }

  void run_program() {
    if (command_.empty())
      return;
    const Program program = options_.program(std::exchange(command_, {}), std::exchange(input_, {}));
    ssh_channel_write(channel_, program.output.data(), static_cast<std::uint32_t>(program.output.size()));
    ssh_channel_write_stderr(channel_, program.errors.data(), static_cast<std::uint32_t>(program.errors.size()));
    ssh_channel_send_eof(channel_);
    if (program.tells_status)
      ssh_channel_request_send_exit_status(channel_, program.status);
    ssh_channel_close(channel_);
  }

  const SshDeviceOptions &options_;
  ssh_session session_;
  std::atomic<bool> &stop_;
  Reports reports_;
  ssh_server_callbacks_struct server_{};
  ssh_channel_callbacks_struct on_channel_{};
  ssh_channel channel_ = nullptr;
  std::optional<CliDevice> cli_;
  std::string command_, input_;
  int refused_ = 0;
  bool over_ = false;
};

} // namespace

SshDevice::SshDevice(SshDeviceOptions options) : state_(std::make_unique<State>()) {
  State &state = *state_;
  state.options = std::move(options);
  if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &state.key) != SSH_OK)
    throw std::runtime_error("cannot make a host key");
  state.listener = listen_on_loopback();
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(state.listener, reinterpret_cast<sockaddr *>(&address), &size);
  state.port = ntohs(address.sin_port);

  char *base64 = nullptr;
  ssh_pki_export_pubkey_base64(state.key, &base64);
  state.known_host = "[127.0.0.1]:" + std::to_string(state.port) + " ssh-ed25519 " + text_of(base64) + "\n";
  unsigned char *hash = nullptr;
  std::size_t hash_size = 0;
  ssh_get_publickey_hash(state.key, SSH_PUBLICKEY_HASH_SHA256, &hash, &hash_size);
  state.fingerprint = text_of(ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, hash_size));
  ssh_clean_pubkey_hash(&hash);

  const auto serve = [&state](int fd) {
    ssh_bind bind = ssh_bind_new();
    ssh_session session = ssh_new();
    const int off = 0;
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &off);
    ssh_key copy = ssh_key_dup(state.key);
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, copy); // belongs to bind from here on
    if (ssh_bind_accept_fd(bind, session, fd) == SSH_OK) {
      Connection connection(state.options, session, state.stop,
                            {[&state](const std::vector<std::string> &lines) {
                               const std::lock_guard lock(state.mutex);
                               state.received.insert(state.received.end(), lines.begin(), lines.end());
                             },
                             [&state](std::string terminal) {
                               const std::lock_guard lock(state.mutex);
                               state.terminal = std::move(terminal);
                             },
                             [&state] { ++state.passwords; }});
      connection.serve();
      ssh_free(session); // closes fd, too
    } else {
      ssh_free(session);
    }
    ssh_bind_free(bind);
    --state.open_sessions;
  };
  state.acceptor = std::thread([&state, serve] {
    while (!state.stop) {
      pollfd ready{state.listener, POLLIN, 0};
      if (::poll(&ready, 1, 20) <= 0)
        continue;
      const int fd = ::accept4(state.listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0)
        continue;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (state.open_sessions >= state.options.most_sessions) {
        ::close(fd);
        continue;
      }
      ++state.sessions;
      ++state.open_sessions;
      const std::lock_guard lock(state.mutex);
      if (!state.options.silent_at_connect) {
        state.threads.emplace_back(serve, fd);
        continue;
      }
      state.threads.emplace_back([&state, fd] {
        while (!state.stop)
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
        ::close(fd);
        --state.open_sessions;
      });
    }
  });
}

SshDevice::~SshDevice() {
  state_->stop = true;
  state_->acceptor.join();
  for (std::thread &thread : state_->threads)
    thread.join();
  ::close(state_->listener);
  ssh_key_free(state_->key);
}

std::uint16_t SshDevice::port() const noexcept { return state_->port; }
const std::string &SshDevice::known_host() const { return state_->known_host; }
const std::string &SshDevice::fingerprint() const { return state_->fingerprint; }
std::size_t SshDevice::sessions() const { return state_->sessions; }
std::size_t SshDevice::passwords() const { return state_->passwords; }
std::size_t SshDevice::open_sessions() const { return state_->open_sessions; }

std::vector<std::string> SshDevice::received() const {
  const std::lock_guard lock(state_->mutex);
  return state_->received;
}

std::string SshDevice::terminal() const {
  const std::lock_guard lock(state_->mutex);
  return state_->terminal;
}

} // namespace banpush::fakes
