#include "app/record/spool_report.hpp"

#include "app/world/spool.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

namespace banpush {

std::string time_text(std::int64_t since_the_epoch) {
  const auto time = static_cast<std::time_t>(since_the_epoch);
  std::tm local{};
  localtime_r(&time, &local);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
  return text.data();
}

namespace {

using Json = nlohmann::json;

void report_waiting(const std::vector<SpoolLine> &lines, const std::string &why_gone, SpoolReport &report) {
  const auto waits = [](const SpoolLine &line) { return line.state == SpoolLine::State::Waits; };
  const auto count = std::count_if(lines.begin(), lines.end(), waits);
  report.json["waiting"] = count;
  if (count == 0)
    return;
  const SpoolLine &oldest = *std::find_if(lines.begin(), lines.end(), waits);
  const auto told = std::find_if(lines.begin(), lines.end(), [&](const SpoolLine &line) { return waits(line) && !line.problem.empty(); });
  std::string problem = told == lines.end() ? why_gone : told->problem;
  if (told != lines.end() && told->alone && count > 1)
    problem = fmt::format("{}: {}", told->what, problem);
  report.json["since"] = time_text(oldest.at);
  report.json["problem"] = problem.empty() ? Json(nullptr) : Json(problem);
  report.text.push_back(fmt::format("spool: {} wait{} for the table since {}{}", count, count == 1 ? "s" : "", time_text(oldest.at),
                                    problem.empty() ? "" : ": " + problem));
}

void report_refused(const std::vector<SpoolLine> &lines, SpoolReport &report) {
  const auto refused = [](const SpoolLine &line) { return line.state == SpoolLine::State::Refused; };
  const auto count = std::count_if(lines.begin(), lines.end(), refused);
  report.json["refused"] = count;
  if (count == 0)
    return;
  const SpoolLine &first = *std::find_if(lines.begin(), lines.end(), refused);
  report.text.push_back(fmt::format("spool: {} set aside, because the table will never take {} (`banpush spool list`); the first: {}: {}",
                                    count, count == 1 ? "it" : "them", first.what, first.problem));
}

} // namespace

SpoolReport report_of_spool(const std::string &path) {
  SpoolReport report;
  report.json = {{"waiting", 0}, {"since", nullptr}, {"problem", nullptr}, {"refused", 0}, {"trouble", nullptr}, {"notes", Json::array()}};
  const SpoolLook look = look_into_spool(path);
  std::string trouble = look.trouble;
  try {
    if (look.spool) {
      const auto lines = look.spool->lines();
      report_waiting(lines, look.spool->why_gone(), report);
      report_refused(lines, report);
      report.json["notes"] = look.spool->notes();
      for (const std::string &note : look.spool->notes())
        report.text.push_back("spool: " + note);
    }
  } catch (const Error &error) {
    trouble = fmt::format("the spool cannot be read: {}", error.what());
  }
  if (!trouble.empty()) {
    report.json["trouble"] = trouble;
    report.text.push_back(trouble);
  }
  return report;
}

} // namespace banpush
