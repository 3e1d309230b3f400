#include "core/script/setup_script.hpp"

#include <algorithm>

namespace banpush {

Script setup_script(const Rendering &rendering, Stage stage, const Installed &before) {
  Script script = render_setup(rendering, stage);
  const auto stands = [](const ListState &list) { return list.stands && list.in_force; };
  if (stage != Stage::Setup || before.lists.empty() || !std::all_of(before.lists.begin(), before.lists.end(), stands))
    return script;
  Facts first = rendering.facts;
  for (const ListState &list : before.lists)
    first.values[list.list + "_first"] = "yes";
  const Rendering as_first{rendering.driver,   rendering.transport,       rendering.values, first,
                           rendering.run_with, rendering.confirm_seconds, rendering.save,   rendering.attach};
  return script.text() == render_setup(as_first, stage).text() ? Script() : script;
}

} // namespace banpush
