#include "libs/counters/redis/layout.h"

#include <cstring>

#include "absl/strings/str_cat.h"

namespace quotaplane {

int PartitionOf(std::string_view org, int partitions) {
  return static_cast<int>(HashOf(org).low64() % static_cast<uint64_t>(partitions));
}

Digest ReservationDigest(std::string_view org, std::string_view id) {
  FieldBuffer fields;
  return fields.Add(org).Add(id).digest();
}

KeyList::KeyList(int partition) : tag_(absl::StrCat("{p", partition, "}")) {
  buffer_.reserve(512);
  ends_.reserve(20);
}

void KeyList::Add(char kind) { Add(kind, {}); }

void KeyList::Add(char kind, std::string_view digest) {
  buffer_.append(tag_).push_back(kind);
  buffer_.append(digest);
  ends_.push_back(buffer_.size());
}

const std::vector<std::string_view>& KeyList::views() {
  views_.clear();
  views_.reserve(ends_.size());
  size_t start = 0;
  for (size_t end : ends_) {
    views_.push_back(std::string_view(buffer_).substr(start, end - start));
    start = end;
  }
  return views_;
}

void AppendDouble(std::string* out, double value) {
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  out->append(bytes, sizeof(value));
}

double DoubleAt(std::string_view bytes, size_t offset) {
  double value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

}  // namespace quotaplane
