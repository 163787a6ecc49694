// 64-bit fingerprints that tell a retry from another use of the same id.
#pragma once

#include <cstdint>

#include "libs/admission/admission.h"

namespace quotaplane {

// Of the subject without its model, which an attempt may change.
uint64_t SubjectFingerprint(const Subject& subject);
uint64_t RequestFingerprint(const ReserveArgs& args);
uint64_t ExtendFingerprint(const ExtendArgs& args);

}  // namespace quotaplane
