// What whoever has just changed something may want to do next, as commands to paste. Pure.
#pragma once

#include <string>

#include "quotaplane/v1/admin.pb.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

// Empty where nothing is left to do.
std::string NextStep(const v1::PolicyVersion& version, const terminal::Style& style);
std::string NextStep(const v1::Exception& exception, const terminal::Style& style);
std::string NextStep(const v1::PriceBookVersion& book, const terminal::Style& style);

// As one word of a shell command.
std::string ShellWord(const std::string& text);

}  // namespace quotaplane::quotactl
