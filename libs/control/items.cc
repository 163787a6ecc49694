#include "libs/control/items.h"

#include "libs/base/hash.h"

namespace quotaplane {

uint64_t ItemCheck(std::string_view name, int64_t number) {
  return FieldBuffer().Add(name).Add(number).digest().low64() % kItemSumModulus;
}

}  // namespace quotaplane
