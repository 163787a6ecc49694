// Exceptions, keys, price books and audit rows as text for people. Pure: `now` is passed in.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "quotaplane/v1/admin.pb.h"
#include "tools/quotactl/limit_units.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

std::string StateWord(v1::ExceptionState state);
std::string StateWord(v1::KeyState state);
std::string StateWord(v1::PriceBookState state);

// `units` says how amounts are written; those of a limit that is not there are bare numbers.
std::string ExceptionsAsText(const v1::ListExceptionsResponse& response, const LimitUnits& units,
                             const terminal::Style& style);
std::string ExceptionAsText(const v1::Exception& exception, const LimitUnits& units, absl::Time now,
                            const terminal::Style& style);
std::string KeysAsText(const v1::ListKeysResponse& response, const terminal::Style& style);
std::string KeyAsText(const v1::Key& key, absl::Time now, const terminal::Style& style);
std::string PriceBooksAsText(const v1::ListPriceBooksResponse& response,
                             const terminal::Style& style);
std::string PriceBookAsText(const v1::PriceBookVersion& book, absl::Time now);

using AuditRows = google::protobuf::RepeatedPtrField<v1::AuditRow>;
std::string AuditAsText(const AuditRows& rows, const terminal::Style& style);

}  // namespace quotaplane::quotactl
