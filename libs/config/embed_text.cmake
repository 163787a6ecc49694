# cmake -DIN=FILE -DOUT=FILE.cc -DNAME=kName -P embed_text.cmake
# Writes a source file that defines quotaplane::NAME, a std::string_view of the text of IN.
file(READ "${IN}" TEXT)
file(WRITE "${OUT}"
     "#include <string_view>\n\nnamespace quotaplane {\nextern const std::string_view ${NAME};\n"
     "const std::string_view ${NAME} = R\"EMBEDDED(${TEXT})EMBEDDED\";\n}  // namespace quotaplane\n")
