#include "libs/control/item_codec.h"

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"

namespace quotaplane {

std::string PolicyItemName(std::string_view org) { return absl::StrCat("policy/", AbslView(org)); }

std::string RaisesItemName(std::string_view org) { return absl::StrCat("raises/", AbslView(org)); }

std::string CurbsItemName(std::string_view org) { return absl::StrCat("curbs/", AbslView(org)); }

std::string KeyItemName(std::string_view key_id) { return absl::StrCat("key/", AbslView(key_id)); }

}  // namespace quotaplane
