// A change on its way to a device: step by step, how far it came, and what the device shows then.
#pragma once

#include "app/site/session.hpp"
#include "app/site/site.hpp"
#include "app/verify.hpp"
#include "app/words/report.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace banpush {

// How much of a script's change was sent, and answered without complaint: lines of a command line, else requests or programs.
class Progress {
public:
  explicit Progress(const Script &script);

  void went(const Step &step, const Delivery &delivery);
  void cut(const Step &step, const CutOff &cut); // the session was gone in the middle of it
  void lost(const Step &step);                   // it was sent, and no answer came
  bool is_whole() const noexcept { return accepted_ == all_; }
  // `14 of 252 lines were accepted, 20 sent`; whether anything of it was committed, where that is a step of its own.
  std::string text() const;

private:
  std::size_t units_of(const Step &step) const noexcept { return by_lines_ ? step.lines.size() : 1; }

  bool by_lines_;
  const char *unit_;
  std::size_t all_ = 0, sent_ = 0, accepted_ = 0;
  bool commits_ = false, commit_sent_ = false;
};

// Sends the steps, again while the device is busy; at the first complaint the driver's abort, and the complaint comes back.
// Throws Error, which says how far the change came and what becomes of it.
struct Sent {
  Delivery last;
  Progress progress;
};
Sent deliver(Site &site, Session &session, const Script &script, DeviceReport &report);

// The same for a plan, and reads what the device shows then. Throws Error, which says how far the change
// came and what becomes of it.
struct SentAndRead {
  Delivery last;
  Verified verified;
  std::string progress; // in words; of interest where the last step was not accepted
};
SentAndRead deliver_and_verify(Site &site, Session &session, const Plan &plan, Installed known, DeviceReport &report);

} // namespace banpush
