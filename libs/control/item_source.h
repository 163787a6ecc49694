// Items as the database has them, for a publisher (items.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/control/items.h"
#include "libs/sql/database.h"

namespace quotaplane {

// After which item to go on. One change may write several items, which have one number: their names
// tell them apart.
struct ItemCursor {
  int64_t number = 0;
  std::string name;

  friend bool operator==(const ItemCursor&, const ItemCursor&) = default;
};

// Thread-safe as its database is. Blocks.
class ItemSource {
 public:
  // Of one page; a single item may be larger.
  static constexpr size_t kMaxPageItems = 1'000;
  static constexpr size_t kMaxPageBytes = size_t{4} << 20;

  // `database` has the schema, and must outlive it.
  explicit ItemSource(sql::Database* database) : database_(database) {}

  // The items after `after`, in the order of their numbers and names; at least one, if there is
  // one. An empty page: there are none. The last one's number and name are the next cursor. Changes
  // are committed in the order of their numbers, so nothing appears later before a cursor.
  absl::StatusOr<std::vector<ControlItem>> Read(const ItemCursor& after) const;

  // The highest number of an item; 0 if there is none.
  absl::StatusOr<int64_t> LastNumber() const;
  // How many items were written after `after`.
  absl::StatusOr<int64_t> CountAfter(const ItemCursor& after) const;

 private:
  sql::Database* const database_;
};

}  // namespace quotaplane
