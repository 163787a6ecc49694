# Writes each script as a raw string constant: kReserve, kPrelude, …
file(WRITE ${OUT} "// Generated from redis/scripts/*.lua\n")
foreach(name ${NAMES})
  file(READ ${DIR}/${name}.lua text)
  string(SUBSTRING ${name} 0 1 first)
  string(TOUPPER ${first} first)
  string(SUBSTRING ${name} 1 -1 rest)
  file(APPEND ${OUT} "constexpr std::string_view k${first}${rest} = R\"lua(${text})lua\";\n")
endforeach()
