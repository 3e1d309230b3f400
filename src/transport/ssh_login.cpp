// How SshSession proves who we are: RFC 4252 (none, publickey, password), RFC 4256 (keyboard-interactive).
#include "transport/judgement.hpp"
#include "transport/ssh_key.hpp"
#include "transport/ssh_session.hpp"
#include "transport/tcp.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <libssh/libssh.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banpush {

namespace {

enum class Method { Key, Agent, Password, Keyboard };

// The methods the server takes now, by RFC 4252's names.
std::string names(int offered) {
  std::string out;
  for (const auto &[bit, name] :
       {std::pair{SSH_AUTH_METHOD_PUBLICKEY, "publickey"}, std::pair{SSH_AUTH_METHOD_PASSWORD, "password"},
        std::pair{SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive"}, std::pair{SSH_AUTH_METHOD_HOSTBASED, "hostbased"},
        std::pair{SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi-with-mic"}})
    if ((offered & bit) != 0)
      out += fmt::format("{}{}", out.empty() ? "" : ", ", name);
  return out.empty() ? "nothing" : out;
}

SshKey load_key(const std::string &file, const std::string &passphrase) {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0)
    throw Error(ErrorKind::Config, fmt::format("cannot read the private key {}: {}", file, std::strerror(errno)));
  if ((about.st_mode & S_IRWXO) != 0)
    throw Error(ErrorKind::Config, fmt::format("the private key {} can be read or changed by others (mode {:04o}); it should be 0600", file,
                                               about.st_mode & 07777U));
  if (::access(file.c_str(), R_OK) != 0)
    throw Error(ErrorKind::Config, fmt::format("cannot read the private key {}: {}", file, std::strerror(errno)));
  ssh_key key = nullptr;
  const int rc = ssh_pki_import_privkey_file(file.c_str(), passphrase.empty() ? nullptr : passphrase.c_str(), nullptr, nullptr, &key);
  if (rc != SSH_OK || key == nullptr)
    throw Error(ErrorKind::Config, fmt::format("cannot use the private key {}: {}", file,
                                               passphrase.empty() ? "not a private key, or one that needs a `passphrase`"
                                                                  : "not a private key, or the passphrase is wrong"));
  return SshKey(key);
}

bool asks_for_password(std::string text) {
  for (char &c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text.find("password") != std::string::npos;
}

// One login from its first try to its end.
class LogIn {
public:
  LogIn(SshSession &session, const Credentials &credentials, Dialogue &dialogue)
      : session_(session), credentials_(credentials), dialogue_(dialogue), login_(session.target().login) {}

  void run() {
    int rc = finish([&] { return ssh_userauth_none(handle(), nullptr); });
    while (rc != SSH_AUTH_SUCCESS) {
      const auto method = next_method();
      if (!method)
        refuse();
      rc = attempt(*method);
      if (rc == SSH_AUTH_ERROR)
        broken();
      if (rc == SSH_AUTH_DENIED)
        tried_.push_back(name(*method) + " (refused)");
      if (rc == SSH_AUTH_PARTIAL)
        tried_.push_back(name(*method) + " (accepted, more is asked for)");
    }
    dialogue_.note(fmt::format("logged in as {}{}", login_.username, used_.empty() ? " without a question" : " by " + name(used_.back())));
  }

private:
  ssh_session handle() const { return session_.handle(); }

  int finish(const std::function<int()> &call) {
    return session_.finish(call, SSH_AUTH_AGAIN, session_.target().timeout, fmt::format("login as {}", login_.username));
  }

  std::string name(Method method) const {
    switch (method) {
    case Method::Key: return "key " + login_.key;
    case Method::Agent: return "agent";
    case Method::Password: return "password";
    case Method::Keyboard: return "keyboard-interactive password";
    }
    return {};
  }

  bool was_used(Method method) const { return std::find(used_.begin(), used_.end(), method) != used_.end(); }

  // The first method not yet used of those we have something for and the server takes. A password goes
  // one way only: the same password twice counts twice where accounts are locked.
  std::optional<Method> next_method() const {
    const int offered = ssh_userauth_list(handle(), nullptr);
    const bool agent = login_.agent || (login_.key.empty() && credentials_.password.empty() && std::getenv("SSH_AUTH_SOCK") != nullptr);
    const bool password = !credentials_.password.empty();
    if (!login_.key.empty() && (offered & SSH_AUTH_METHOD_PUBLICKEY) != 0 && !was_used(Method::Key))
      return Method::Key;
    if (agent && (offered & SSH_AUTH_METHOD_PUBLICKEY) != 0 && !was_used(Method::Agent))
      return Method::Agent;
    if (password && (offered & SSH_AUTH_METHOD_PASSWORD) != 0 && !was_used(Method::Password) && !was_used(Method::Keyboard))
      return Method::Password;
    if (password && (offered & SSH_AUTH_METHOD_INTERACTIVE) != 0 && !was_used(Method::Password) && !was_used(Method::Keyboard))
      return Method::Keyboard;
    return std::nullopt;
  }

  int attempt(Method method) {
    used_.push_back(method);
    switch (method) {
    case Method::Key: {
      const SshKey key = load_key(login_.key, credentials_.passphrase);
      return finish([&] { return ssh_userauth_publickey(handle(), nullptr, key.get()); });
    }
    case Method::Agent: return finish([&] { return ssh_userauth_agent(handle(), nullptr); });
    case Method::Password: return finish([&] { return ssh_userauth_password(handle(), nullptr, credentials_.password.c_str()); });
    case Method::Keyboard: return answer_questions();
    }
    return SSH_AUTH_ERROR;
  }

  // Only a single hidden question for a password is answered; what else a server may ask (a code, a new
  // password) is not ours to guess.
  int answer_questions() {
    bool answered = false;
    int rc = finish([&] { return ssh_userauth_kbdint(handle(), nullptr, nullptr); });
    while (rc == SSH_AUTH_INFO) {
      const int questions = ssh_userauth_kbdint_getnprompts(handle());
      if (questions > 0) {
        char echo = 0;
        const char *asked = ssh_userauth_kbdint_getprompt(handle(), 0, &echo);
        const std::string question = asked == nullptr ? "" : asked;
        if (questions != 1 || echo != 0 || answered || !asks_for_password(question)) {
          tried_.push_back(
              fmt::format("keyboard-interactive (the server asks \"{}\", which banpush does not answer)", in_one_line(question)));
          refuse();
        }
        ssh_userauth_kbdint_setanswer(handle(), 0, credentials_.password.c_str());
        answered = true;
      }
      rc = finish([&] { return ssh_userauth_kbdint(handle(), nullptr, nullptr); });
    }
    return rc;
  }

  std::string who() const {
    return fmt::format("{}: login as {} at {}", session_.target().name, login_.username, place(session_.address(), session_.target().port));
  }

  std::string tried() const { return tried_.empty() ? "nothing" : fmt::format("{}", fmt::join(tried_, ", ")); }

  [[noreturn]] void refuse() const {
    const int offered = ssh_userauth_list(handle(), nullptr);
    std::string missing;
    if (tried_.empty())
      missing = "; there is no `key`, `agent` or `password` that fits";
    throw Error(ErrorKind::Auth, fmt::format("{} refused: tried {}; the server offers {}{}", who(), tried(), names(offered), missing));
  }

  // The connection ended in the middle of the login, or the server answered what the method does not know.
  [[noreturn]] void broken() const {
    const std::string said = in_one_line(ssh_get_error(handle()));
    if (ssh_is_connected(handle()) != 0 && !used_.empty() && used_.back() == Method::Password)
      throw Error(ErrorKind::Auth, fmt::format("{} failed: the server wants something else after the password; it may have expired{}{}",
                                               who(), said.empty() ? "" : ": ", said));
    const bool refused = !tried_.empty() || said.find("authentication failures") != std::string::npos;
    throw Error(refused ? ErrorKind::Auth : ErrorKind::Connect,
                fmt::format("{} broke off: tried {}: {}", who(), tried_.empty() && !used_.empty() ? name(used_.back()) : tried(), said));
  }

  SshSession &session_;
  const Credentials &credentials_;
  Dialogue &dialogue_;
  const Login &login_;
  std::vector<Method> used_;
  std::vector<std::string> tried_; // with how each went
};

} // namespace

void SshSession::log_in(const Credentials &credentials) {
  try {
    LogIn(*this, credentials, *dialogue_).run();
  } catch (const Error &error) {
    if (error.kind() != ErrorKind::Config)
      throw;
    throw Error(ErrorKind::Config, fmt::format("{}: {}", target_.name, error.what()));
  }
}

} // namespace banpush
