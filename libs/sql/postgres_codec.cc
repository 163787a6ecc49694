#include "libs/sql/postgres_codec.h"

#include <bit>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"

namespace quotaplane::sql {
namespace {

enum Oid : unsigned {
  kBool = 16,
  kBytea = 17,
  kName = 19,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kOid = 26,
  kJson = 114,
  kFloat4 = 700,
  kFloat8 = 701,
  kUnknown = 705,
  kByteaArray = 1001,
  kTextArray = 1009,
  kInt8Array = 1016,
  kFloat8Array = 1022,
  kBpchar = 1042,
  kVarchar = 1043,
  kNumeric = 1700,
  kVoid = 2278,
};

template <typename T>
void PutBigEndian(T number, char* at) {
  for (size_t i = sizeof(T); i-- > 0;) {
    at[i] = static_cast<char>(number & 0xFF);
    number = static_cast<T>(number >> 8);
  }
}

template <typename T>
T GetBigEndian(const char* at) {
  T number = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    number = static_cast<T>(number << 8) | static_cast<unsigned char>(at[i]);
  }
  return number;
}

void AppendInt32(size_t number, std::string* to) {
  char bytes[4];
  PutBigEndian(static_cast<uint32_t>(number), bytes);
  to->append(bytes, sizeof(bytes));
}

uint64_t Bits(const Value& value) {
  return value.type() == Type::kInt ? static_cast<uint64_t>(value.integer())
                                    : std::bit_cast<uint64_t>(value.number());
}

bool IsNumber(const Value& value) {
  return value.type() == Type::kInt || value.type() == Type::kDouble;
}

std::string_view Data(const Value& value) {
  return value.type() == Type::kText ? value.text() : value.bytes();
}

unsigned TypeOf(Type type) {
  switch (type) {
    case Type::kInt:
      return kInt8;
    case Type::kDouble:
      return kFloat8;
    case Type::kText:
      return kText;
    case Type::kBytes:
      return kBytea;
    case Type::kAny:
      break;
  }
  return 0;  // the server decides by the context
}

unsigned ArrayOf(Type type) {
  switch (type) {
    case Type::kInt:
      return kInt8Array;
    case Type::kDouble:
      return kFloat8Array;
    case Type::kBytes:
      return kByteaArray;
    case Type::kText:
    case Type::kAny:
      break;
  }
  return kTextArray;
}

std::string EncodeArray(const Batch& batch, size_t column) {
  const size_t columns = batch.columns.size();
  const size_t rows = batch.rows();
  std::string array;
  array.reserve(20 + rows * 24);
  AppendInt32(1, &array);  // dimensions
  AppendInt32(1, &array);  // there may be NULLs
  AppendInt32(TypeOf(batch.columns[column].type), &array);
  AppendInt32(rows, &array);
  AppendInt32(1, &array);  // the first index
  for (size_t row = 0; row < rows; ++row) {
    const Value& value = batch.values[row * columns + column];
    if (value.is_null()) {
      AppendInt32(UINT32_MAX, &array);
    } else if (IsNumber(value)) {
      char bytes[12];
      PutBigEndian(uint32_t{8}, bytes);
      PutBigEndian(Bits(value), bytes + 4);
      array.append(bytes, sizeof(bytes));
    } else {
      AppendInt32(Data(value).size(), &array);
      array.append(Data(value));
    }
  }
  return array;
}

// Four 16-bit words (count of digits, weight of the first, sign, digits to show), then the digits,
// base 10,000.
absl::Status DecodeNumeric(std::string_view data, Value* value) {
  const auto word = [&](size_t i) { return GetBigEndian<uint16_t>(data.data() + i * 2); };
  constexpr uint16_t kNegative = 0x4000;
  if (data.size() < 8 || data.size() < 8 + 2 * size_t{word(0)}) {
    return absl::InternalError("a NUMERIC is cut short");
  }
  const int digits = word(0);
  const int weight = static_cast<int16_t>(word(1));
  const bool negative = word(2) == kNegative;
  const absl::Status too_large = absl::OutOfRangeError("a sum does not fit into 64 bits");
  if ((word(2) != 0 && !negative) || weight > 4) return too_large;  // NaN, infinite; 10^20
  __int128 number = 0;
  for (int i = 0; i <= weight; ++i) {
    number = number * 10'000 + (i < digits ? word(4 + static_cast<size_t>(i)) : 0);
  }
  for (int i = std::max(weight + 1, 0); i < digits; ++i) {
    if (word(4 + static_cast<size_t>(i)) != 0) {
      return absl::InvalidArgumentError("a NUMERIC with a fraction; cast it to DOUBLE PRECISION");
    }
  }
  if (negative) number = -number;
  if (number < std::numeric_limits<int64_t>::min() ||
      number > std::numeric_limits<int64_t>::max()) {
    return too_large;
  }
  *value = Value(static_cast<int64_t>(number));
  return absl::OkStatus();
}

}  // namespace

void PostgresParameters::Add(unsigned type, std::string_view data) {
  types_.push_back(type);
  // libpq takes a null pointer for NULL.
  values_.push_back(data.data() == nullptr ? "" : data.data());
  lengths_.push_back(static_cast<int>(data.size()));
  formats_.push_back(1);
}

PostgresParameters PostgresParameters::Of(absl::Span<const Value> values) {
  PostgresParameters parameters;
  parameters.numbers_.reserve(values.size());
  for (const Value& value : values) {
    if (IsNumber(value) && !value.is_null()) {
      char* const bytes = parameters.numbers_.emplace_back().data();
      PutBigEndian(Bits(value), bytes);
      parameters.Add(TypeOf(value.type()), {bytes, 8});
    } else {
      parameters.Add(TypeOf(value.type()), Data(value));
      if (value.is_null()) parameters.values_.back() = nullptr;
    }
  }
  return parameters;
}

PostgresParameters PostgresParameters::Arrays(const Batch& batch) {
  PostgresParameters parameters;
  parameters.arrays_.reserve(batch.columns.size());
  for (size_t i = 0; i < batch.columns.size(); ++i) {
    parameters.Add(ArrayOf(batch.columns[i].type),
                   parameters.arrays_.emplace_back(EncodeArray(batch, i)));
  }
  return parameters;
}

absl::Status DecodePostgres(unsigned type, std::string_view data, Value* value) {
  const size_t size = data.size();
  const char* const at = data.data();
  if (type == kInt8 && size == 8) {
    *value = Value(static_cast<int64_t>(GetBigEndian<uint64_t>(at)));
  } else if (type == kInt4 && size == 4) {
    *value = Value(static_cast<int32_t>(GetBigEndian<uint32_t>(at)));
  } else if (type == kInt2 && size == 2) {
    *value = Value(static_cast<int16_t>(GetBigEndian<uint16_t>(at)));
  } else if (type == kOid && size == 4) {
    *value = Value(GetBigEndian<uint32_t>(at));
  } else if (type == kBool && size == 1) {
    *value = Value(at[0] != 0);
  } else if (type == kFloat8 && size == 8) {
    *value = Value(std::bit_cast<double>(GetBigEndian<uint64_t>(at)));
  } else if (type == kFloat4 && size == 4) {
    *value = Value(std::bit_cast<float>(GetBigEndian<uint32_t>(at)));
  } else if (type == kText || type == kVarchar || type == kBpchar || type == kName ||
             type == kJson || type == kUnknown) {
    *value = Value(data);
  } else if (type == kBytea) {
    *value = Value(Bytes{data});
  } else if (type == kNumeric) {
    return DecodeNumeric(data, value);
  } else if (type == kVoid) {
    *value = Value(nullptr);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("a column is of the type with OID ", type, "; cast it"));
  }
  return absl::OkStatus();
}

}  // namespace quotaplane::sql
