// The SSH agent (draft-miller-ssh-agent): the keys it holds, and one of them at a time for libssh, which would offer all.
#pragma once

#include "transport/ssh/known_hosts.hpp"
#include "transport/wait.hpp"

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace banpush {

struct AgentKey {
  PublicKey key;
  std::string blob;    // as the agent writes it
  std::string comment; // often a file's name
};

// The keys of the agent at SSH_AUTH_SOCK, in its order; those libssh cannot use are left out. Throws Error (Connect)
// where there is no agent, or it does not answer in time.
std::vector<AgentKey> agent_keys(std::chrono::milliseconds timeout, const Cancellation &cancellation);

// An agent for libssh that holds one key. What is to be signed with it is handed on to the real agent; where that does
// not answer in time, this one says no: libssh would wait for ever.
class AgentRelay {
public:
  AgentRelay(std::chrono::milliseconds timeout, const Cancellation &cancellation);
  AgentRelay(const AgentRelay &) = delete;
  AgentRelay &operator=(const AgentRelay &) = delete;
  ~AgentRelay();

  // The end that libssh speaks to, once; whoever takes it closes it.
  int take_end() noexcept { return theirs_.release(); }
  // The one key from now on.
  void hold(const AgentKey &key);

private:
  void serve();
  std::string answer(const std::string &request);

  const std::chrono::milliseconds timeout_;
  const Cancellation &cancellation_;
  std::mutex lock_;
  AgentKey key_; // guarded by lock_
  Descriptor ours_, theirs_;
  std::thread thread_;
};

} // namespace banpush
