/* Scripts\python.exe of a venv: runs the Python whose folder pyvenv.cfg calls home, in its own name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define ROOM 8192

/* The folder that the line `home = ...` of folder\pyvenv.cfg names; 0 where there is none. */
static int read_home(const wchar_t *folder, wchar_t *home)
{
    wchar_t name[ROOM];
    char line[ROOM], value[ROOM];
    int found = 0;
    FILE *file;

    wcscpy(name, folder);
    wcscat(name, L"\\pyvenv.cfg");
    file = _wfopen(name, L"rb");
    if (!file)
        return 0;
    while (!found && fgets(line, sizeof line, file))
        if (sscanf(line, "home = %8000[^\r\n]", value) == 1)
            found = MultiByteToWideChar(CP_UTF8, 0, value, -1, home, ROOM);
    fclose(file);
    return found;
}

static void cut_last_part(wchar_t *path)
{
    wchar_t *slash = wcsrchr(path, L'\\');
    if (slash)
        *slash = 0;
}

/* What follows the program's own name on the command line. */
static const wchar_t *arguments(void)
{
    const wchar_t *at = GetCommandLineW();
    int inside = 0;
    for (; *at && (inside || (*at != L' ' && *at != L'\t')); at++)
        if (*at == L'"')
            inside = !inside;
    return at;
}

int wmain(void)
{
    static wchar_t self[ROOM], folder[ROOM], home[ROOM];
    STARTUPINFOW start;
    PROCESS_INFORMATION child;
    DWORD status = 1;
    wchar_t *line;

    GetModuleFileNameW(NULL, self, ROOM);
    wcscpy(folder, self);
    cut_last_part(folder);
    if (!read_home(folder, home)) {
        cut_last_part(folder);
        if (!read_home(folder, home)) {
            fputs("There is no pyvenv.cfg that names a Python.\n", stderr);
            return 106;
        }
    }
    SetEnvironmentVariableW(L"__PYVENV_LAUNCHER__", self);
    wcscat(home, L"\\python.exe");
    line = malloc((wcslen(home) + wcslen(arguments()) + 4) * sizeof *line);
    wcscpy(line, L"\"");
    wcscat(line, home);
    wcscat(line, L"\"");
    wcscat(line, arguments());

    GetStartupInfoW(&start);
    start.dwFlags |= STARTF_USESTDHANDLES;
    start.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    start.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    start.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    if (!CreateProcessW(home, line, NULL, NULL, TRUE, 0, NULL, NULL, &start, &child)) {
        fprintf(stderr, "%ls cannot be started.\n", home);
        return 101;
    }
    WaitForSingleObject(child.hProcess, INFINITE);
    GetExitCodeProcess(child.hProcess, &status);
    return (int)status;
}
