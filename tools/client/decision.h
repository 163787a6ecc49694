// How to read the decisions of the public API.
#pragma once

#include "quotaplane/v1/quota.pb.h"

namespace quotaplane::client {

// A limit that is listed because it is exceeded, but that by itself never refuses.
inline bool OnlyNotices(const v1::Exceeded& exceeded) {
  return exceeded.on_exceed() == v1::ON_EXCEED_SOFT || exceeded.on_exceed() == v1::ON_EXCEED_SHADOW;
}

}  // namespace quotaplane::client
