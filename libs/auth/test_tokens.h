// Keys and tokens of a test's own issuer.
#pragma once

#include <cjose/cjose.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace quotaplane::test_tokens {

inline std::string Base64Url(const std::string& text) { return absl::WebSafeBase64Escape(text); }

// A key pair with an id. Aborts where cjose fails.
class SigningKey {
 public:
  static SigningKey Rsa(const std::string& id, size_t bits = 2048) {
    const uint8_t exponent[] = {1, 0, 1};
    return {id, "RS256", cjose_jwk_create_RSA_random(bits, exponent, 3, nullptr)};
  }
  static SigningKey Ec(const std::string& id, cjose_jwk_ec_curve curve = CJOSE_JWK_EC_P_256) {
    return {id, "ES256", cjose_jwk_create_EC_random(curve, nullptr)};
  }
  // A shared secret.
  static SigningKey Secret(const std::string& id, const std::string& bytes) {
    return {id, "HS256",
            cjose_jwk_create_oct_spec(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
                                      nullptr)};
  }

  // As a key set has it.
  std::string Public() const { return Json(false); }
  std::string Private() const { return Json(true); }

  // A token with that payload.
  std::string Sign(const std::string& payload, const std::string& algorithm = "") const {
    cjose_header_t* header = cjose_header_new(nullptr);
    const std::string& alg = algorithm.empty() ? algorithm_ : algorithm;
    cjose_header_set(header, "alg", alg.c_str(), nullptr);
    if (!id_.empty()) cjose_header_set(header, "kid", id_.c_str(), nullptr);
    return SignWith(header, payload);
  }
  // With one more member of the header, whose value is JSON.
  std::string SignWithMember(const std::string& payload, const std::string& member,
                             const std::string& json) const {
    cjose_header_t* header = cjose_header_new(nullptr);
    cjose_header_set(header, "alg", algorithm_.c_str(), nullptr);
    cjose_header_set(header, "kid", id_.c_str(), nullptr);
    cjose_header_set_raw(header, member.c_str(), json.c_str(), nullptr);
    return SignWith(header, payload);
  }

 private:
  struct Release {
    void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  };

  SigningKey(std::string id, std::string algorithm, cjose_jwk_t* key)
      : id_(std::move(id)), algorithm_(std::move(algorithm)), key_(key, Release()) {
    if (key == nullptr) std::abort();
    cjose_jwk_set_kid(key, id_.data(), id_.size(), nullptr);
  }

  std::string Json(bool secret) const {
    char* const text = cjose_jwk_to_json(key_.get(), secret, nullptr);
    if (text == nullptr) std::abort();
    std::string json = text;
    std::free(text);
    return json;
  }

  std::string SignWith(cjose_header_t* header, const std::string& payload) const {
    const char* compact = nullptr;
    cjose_jws_t* jws =
        cjose_jws_sign(key_.get(), header, reinterpret_cast<const uint8_t*>(payload.data()),
                       payload.size(), nullptr);
    if (jws == nullptr || !cjose_jws_export(jws, &compact, nullptr)) std::abort();
    std::string token = compact;
    cjose_jws_release(jws);
    cjose_header_release(header);
    return token;
  }

  std::string id_;
  std::string algorithm_;
  std::shared_ptr<cjose_jwk_t> key_;
};

inline std::string KeySetJson(const std::vector<std::string>& keys) {
  std::string json = R"({"keys":[)";
  for (size_t i = 0; i < keys.size(); ++i) absl::StrAppend(&json, i == 0 ? "" : ",", keys[i]);
  return json + "]}";
}

// {"iss":…}, at `now_s`, good for an hour.
inline std::string Claims(int64_t now_s, const std::string& more = "",
                          const std::string& issuer = "https://idp.test",
                          const std::string& audience = "quotaplane") {
  return absl::StrCat(R"({"iss":")", issuer, R"(","aud":")", audience,
                      R"(","sub":"alice","groups":["admins"],"exp":)", now_s + 3600, more, "}");
}

}  // namespace quotaplane::test_tokens
