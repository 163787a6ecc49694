#include "libs/counters/crossing.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane {

std::string Crossing::Occurrence() const {
  return absl::StrCat(absl::BytesToHexString(AbslView(counter.view())), "/", threshold, "/",
                      period_us);
}

}  // namespace quotaplane
