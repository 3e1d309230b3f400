// What devices of one platform call themselves in their prompts, and the lines that their logs write into a session:
// tests/drivers/DRIVER/prompts (`NAME TEXT` a line, NAME as in the driver's `prompts`) and log_lines.
#include "driver_case.hpp"
#include "transport/cli/prompt.hpp"
#include "transport/judgement.hpp"

#include <algorithm>
#include <cctype>

using namespace driver_case;

namespace {

void check_prompts(const Driver &driver, const fs::path &file) {
  for (const std::string &line : lines_of(file)) {
    INFO(driver.name << ": " << line);
    const std::size_t blank = line.find(' ');
    const std::string name = line.substr(0, blank), text = line.substr(blank + 1);
    const auto found = Prompts(driver).at_end({"some words"}, text);
    REQUIRE(found);
    CHECK(found->lines_before == 0);
    const std::string called = prompt_name(text); // a name that does not count on by itself
    CHECK(std::any_of(called.begin(), called.end(), [](unsigned char c) { return std::isalpha(c) != 0; }));
    for (const auto &[other, pattern] : driver.prompts)
      CHECK(Prompts::is(pattern, found->text) == (other == name));
  }
}

void check_log_lines(const Driver &driver, const fs::path &file) {
  for (const std::string &line : lines_of(file)) {
    INFO(driver.name << ": " << line);
    CHECK(is_noise(driver, line));
    CHECK(judge(driver, line + "\n").accepted());
  }
}

} // namespace

TEST_CASE("drivers: prompts and log lines") {
  std::size_t files = 0;
  for (const auto &folder : fs::directory_iterator(root / "tests/drivers")) {
    const fs::path prompts = folder.path() / "prompts", log_lines = folder.path() / "log_lines";
    if (!fs::exists(prompts) && !fs::exists(log_lines))
      continue;
    const std::string name = folder.path().filename().string();
    const Driver driver = load_driver((root / "drivers" / (name + ".yaml")).string(), {root.string()});
    check_prompts(driver, prompts);
    check_log_lines(driver, log_lines);
    ++files;
  }
  CHECK(files > 5);
}
