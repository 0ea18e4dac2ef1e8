/* python.exe: the interpreter itself is in python311.dll, which a wheel brings without a program. */
#include <windows.h>

typedef int (*entry)(int, wchar_t **);

int wmain(int count, wchar_t **words)
{
    HMODULE library = LoadLibraryW(L"python311.dll");
    entry start = library ? (entry)(void *)GetProcAddress(library, "Py_Main") : NULL;
    return start ? start(count, words) : 127;
}
