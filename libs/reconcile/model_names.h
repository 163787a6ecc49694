// Which names mean one model: "claude-sonnet-4-5" is what the request says, and
// "claude-sonnet-4-5-20250929" is what the bill says.
#pragma once

#include <string>
#include <string_view>

namespace quotaplane::reconcile {

// The name without what comes and goes: capitals; "anthropic/" and "openai/" in front, as routers
// write it; "-latest", and a date as -20250929, @20250929 or -2024-08-06, behind. Other words in
// front ("bedrock/…", "azure/…") stay: that is another seller with a bill of its own.
std::string CanonicalModel(std::string_view name);

}  // namespace quotaplane::reconcile
