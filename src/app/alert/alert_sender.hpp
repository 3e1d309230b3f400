// Messages to the program or web server of the configuration.
#pragma once

#include "settings/config.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

namespace banpush {

class AlertSender {
public:
  // The program gets the message on its standard input, and ends with status 0; the web server gets it by POST, and answers with a
  // status of 200 to 299. Both have half a minute. Returns why it did not arrive; empty: it did.
  std::string send(const AlertSettings &settings, const std::string &json);

  // What is under way ends now, and nothing is begun any more.
  void cancel();

private:
  std::string run(const std::vector<std::string> &argv, const std::string &json);
  std::string post(const AlertSettings &settings, const std::string &json);
  // While it works, cancel() and the end of its time call `stop`, from a thread of their own.
  void bounded(const std::function<void()> &stop, const std::function<void()> &work);
  bool is_over();

  std::mutex lock_;
  std::condition_variable wake_;
  bool cancelled_ = false, timed_out_ = false;
};

// What can be known of serve.alerts beforehand: whether there is such a program, and whether the secrets can be had. Empty: nothing is wrong.
std::string trouble_with_alerts(const AlertSettings &settings);

} // namespace banpush
