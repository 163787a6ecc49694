// Parts that requests of several kinds have.
#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/map.h>
#include <google/protobuf/message_lite.h>

#include <string>
#include <vector>

#include "services/audited/field_rules.h"
#include "services/audited/page_token.h"

namespace quotaplane {

// The same bytes for equal messages of one build: maps are in order.
inline std::string Canonical(const google::protobuf::MessageLite& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

inline NamedValues ValuesOf(const google::protobuf::Map<std::string, std::string>& map) {
  return {map.begin(), map.end()};
}

// Org, and request_id of every write.
template <typename Request>
void CheckWrite(const Request& request, FieldChecks* checks) {
  checks->Text(request.org(), "org", true);
  checks->Text(request.request_id(), "request_id", true);
}

struct Page {
  size_t size = kDefaultPageSize;
  std::string after;  // empty: from the beginning
  std::string list;   // what binds tokens to this list
};

template <typename Request>
Page PageOf(const Request& request, FieldChecks* checks) {
  Page page;
  page.size = PageSizeOf(request.page_size(), checks);
  Request list = request;
  list.clear_page_size();
  list.clear_page_token();
  page.list = std::string(Request::descriptor()->name()) + Canonical(list);
  if (request.page_token().empty()) return page;
  const absl::StatusOr<std::string> after = ReadPageToken(page.list, request.page_token());
  if (!after.ok()) checks->Violation("page_token", std::string(after.status().message()));
  page.after = after.value_or("");
  return page;
}

// Of a request that has passed its check.
template <typename Request>
Page PageOf(const Request& request) {
  FieldChecks checks;
  return PageOf(request, &checks);
}

// Changes that one answer lists; more are only counted.
inline constexpr int kMaxListedChanges = 10'000;
inline constexpr size_t kMaxListedChangeBytes = 2 << 20;

// A page ends before its message reaches what gRPC clients take by default (4 MiB).
inline constexpr size_t kMaxPageBytes = 2 << 20;

// Fills a page from `found`, which has one more than page.size where there are more. `add(item)`
// appends one to the answer and returns its message; `cursor(item)` is the list's word for it.
// Returns the next page's token; empty: there is none.
template <typename Item, typename Add, typename Cursor>
std::string FillPage(const std::vector<Item>& found, const Page& page, Add add, Cursor cursor) {
  size_t bytes = 0;
  size_t count = 0;
  while (count < found.size() && count < page.size && bytes < kMaxPageBytes) {
    bytes += add(found[count])->ByteSizeLong();
    ++count;
  }
  return count == found.size() ? "" : MakePageToken(page.list, cursor(found[count - 1]));
}

}  // namespace quotaplane
