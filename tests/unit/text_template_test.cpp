#include "core/driver/text_template.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

std::string problem(const std::string &text) {
  try {
    TextTemplate("t/add", text);
  } catch (const Error &error) {
    CHECK(error.kind() == ErrorKind::Config);
    return error.what();
  }
  return "none";
}

View view(std::map<std::string, View::Value> values) {
  View made;
  made.values = std::move(values);
  return made;
}

} // namespace

TEST_CASE("a template names its mistakes with line and column") {
  CHECK(problem("ok\n {{#a}}x\n") == "t/add:2:2: section {{#a}} is not closed");
  CHECK(problem("{{/a}}") == "t/add:1:1: {{/a}} closes nothing");
  CHECK(problem("{{#a}}{{#b}}{{/a}}{{/b}}") == "t/add:1:13: {{/a}} found where {{/b}} is due");
  CHECK(problem("a\nb {{name") == "t/add:2:3: tag is not closed by }}");
  CHECK(problem("{{> other}}") == "t/add:1:1: partials are not used here");
  CHECK(problem("{{=<% %>=}}") == "t/add:1:1: delimiters cannot be changed here");
  CHECK(problem("{{{raw}}}").find("t/add:1:1: {{{") == 0);
  CHECK(problem("{{&raw}}").find("t/add:1:1: {{&name}}") == 0);
  CHECK(problem("x {{a b}}") == "t/add:1:3: `a b` is not a name");
  CHECK(problem("{{! a remark}}{{a}}") == "none");
}

TEST_CASE("a template lists the names it uses, and where") {
  const TextTemplate made("t", "{{#entries}}\n {{ address }}{{^last}},{{/last}}\n{{/entries}}");
  REQUIRE(made.uses().size() == 3);
  CHECK(made.uses()[1].name == "address");
  CHECK(made.uses()[1].line == 2);
  CHECK(made.uses()[1].column == 2);
}

TEST_CASE("values go in as they are; empty text is false, as an unset parameter") {
  const TextTemplate made("t", "{{#vrf}}vrf {{vrf}} {{/vrf}}{{^vrf}}global {{/vrf}}{{quote}}");
  CHECK(made.render(view({{"vrf", std::string()}, {"quote", std::string("<&\">")}})) == "global <&\">");
  CHECK(made.render(view({{"vrf", std::string("red")}, {"quote", std::string()}})) == "vrf red ");
}

TEST_CASE("lists render item by item and see what is around them") {
  const TextTemplate made("t", "{{#entries}}\n{{list}} {{a}}{{#host}} h{{/host}}\n{{/entries}}\n");
  View one = view({{"a", std::string("1")}, {"host", true}}), two = view({{"a", std::string("2")}, {"host", false}});
  CHECK(made.render(view({{"list", std::string("L")}, {"entries", std::vector<View>{one, two}}})) == "L 1 h\nL 2\n");
}

TEST_CASE("a driver's line takes only names that are there") {
  CHECK(expand("show {{list}} x", {{"list", "A-1"}}) == "show A-1 x");
  CHECK_THROWS_WITH(expand("show {{lost}}", {}), "`show {{lost}}`: nothing is called `lost`");
  CHECK_THROWS_AS(expand("show {{list", {{"list", "A"}}), Error);
  CHECK(names_in("{{a}} and {{ b }}") == std::vector<std::string>{"a", "b"});
}
