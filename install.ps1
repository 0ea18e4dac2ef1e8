#Requires -Version 5.1
# Sets up sdops in the folder .venv beside this file, then lets the doctor look at this machine.
# Everything that needs knowledge of GPUs is decided by sdops itself, not here.
# Written for Windows PowerShell 5.1, which every Windows has; install.sh does the same elsewhere.

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
# A program that fails is judged by its exit code, not by what it writes to stderr.
$PSNativeCommandUseErrorActionPreference = $false

$Root = $PSScriptRoot
$Venv = Join-Path $Root '.venv'
$VenvPython = Join-Path $Venv 'Scripts\python.exe'
$Marker = Join-Path $Venv '.made-by-sdops-install' # holds the path where the environment was made
$Probe = Join-Path $Root 'scripts\usable_python.py'
$ProbeTimeoutMs = 20000
$Log = Join-Path $Venv 'pip.log'
$Changed = 'PYTHONHOME', 'PYTHONPATH', 'PIP_USER', 'PIP_INDEX_URL', 'PIP_RETRIES', 'SDOPS_TORCH_INDEX_URL'
$Usage = @'
Sets up sdops in the folder .venv beside this script, then runs `sdops doctor`.

  .\install.ps1 [OPTIONS]              set up (safe to run again)
  .\install.ps1 [OPTIONS] test [ARGS]  set up, then run the tests; ARGS go to pytest

  --no-torch        leave out PyTorch: only making images needs it
  --python PATH     use this Python (3.10 to 3.14) instead of searching for one
  --index-url URL   take packages from this mirror of the Python Package Index
  --torch-index-url URL
                    look for PyTorch in this mirror of its index first (SDOPS_TORCH_INDEX_URL)
  --help            show this help

If PowerShell refuses to run scripts:
  powershell -ExecutionPolicy Bypass -File install.ps1
pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, pip.ini, proxies) are honored.
Exit codes: 0 set up; 2 it could not be; with `test`, what pytest says.
'@

function Write-Talk([string] $Text) { [Console]::Error.WriteLine($Text) }

function Stop-Install([string] $Text) {
    Write-Talk "install.ps1: $Text"
    exit 2
}

# One argument quoted as CommandLineToArgvW reads it; a path cannot hold a double quote.
function Format-Argument([string] $Text) { '"' + ($Text -replace '\\+$', '$0$0') + '"' }

# Runs a Python with the probe. Answers its version, or its fault.
function Test-Python([string] $Path, [string[]] $Before) {
    $start = New-Object System.Diagnostics.ProcessStartInfo
    $start.FileName = $Path
    $start.Arguments = (@($Before) + @('-E', (Format-Argument $Probe)) | Where-Object { $_ }) -join ' '
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.WorkingDirectory = [IO.Path]::GetPathRoot($Root)
    try {
        $process = [Diagnostics.Process]::Start($start)
    } catch {
        return @{ Version = ''; Fault = "it cannot be started: $($_.Exception.Message)" }
    }
    $process.StandardInput.Close()
    $output = $process.StandardOutput.ReadToEndAsync()
    $errors = $process.StandardError.ReadToEndAsync()
    if (-not $process.WaitForExit($ProbeTimeoutMs)) {
        $process.Kill()
        return @{ Version = ''; Fault = 'it does not answer' }
    }
    $said = ($output.Result + $errors.Result).Trim()
    if ($process.ExitCode -eq 0 -and $said -match '^3\.\d+$') {
        return @{ Version = $said; Fault = '' }
    }
    $first = ($said -split "`r?`n")[0]
    if ($first -eq '') { $first = "it stops without a word (exit code $($process.ExitCode))" }
    if ($process.ExitCode -eq 0) { $first = "it does not behave like Python: $first" }
    return @{ Version = ''; Fault = $first }
}

# The Pythons to try, in order: a program, and what stands before its own arguments.
function Get-Candidate([string] $Wanted) {
    if ($Wanted) { return @{ Name = $Wanted; Before = @() } }
    foreach ($minor in 13, 12, 11, 10, 14) { @{ Name = 'py'; Before = @("-3.$minor") } }
    foreach ($minor in 13, 12, 11, 10, 14) { @{ Name = "python3.$minor"; Before = @() } }
    foreach ($name in 'python3', 'python') { @{ Name = $name; Before = @() } }
    $patterns = @()
    if ($env:LOCALAPPDATA) { $patterns += "$env:LOCALAPPDATA\Programs\Python\Python31[0-4]\python.exe" }
    if ($env:ProgramFiles) { $patterns += "$env:ProgramFiles\Python31[0-4]\python.exe" }
    if ($env:USERPROFILE) { $patterns += "$env:USERPROFILE\.pyenv\pyenv-win\versions\3.1[0-4].*\python.exe" }
    if ($env:APPDATA) { $patterns += "$env:APPDATA\uv\python\cpython-3.1[0-4].*\python.exe" }
    foreach ($pattern in $patterns) {
        Get-ChildItem -Path $pattern -ErrorAction SilentlyContinue |
            Sort-Object FullName -Descending |
            ForEach-Object { @{ Name = $_.FullName; Before = @() } }
    }
}

# Where the program of that name is: a path as it stands, or each place in PATH.
function Get-Program([string] $Name) {
    if ($Name -match '[\\/]') {
        if (Test-Path -LiteralPath $Name -PathType Leaf) { (Get-Item -LiteralPath $Name -Force).FullName }
        return
    }
    $pattern = [Management.Automation.WildcardPattern]::Escape($Name)
    Get-Command $pattern -CommandType Application -All -ErrorAction SilentlyContinue | ForEach-Object { $_.Path }
}

# The first usable Python; says which were tried and why each failed.
function Find-Python([string] $Wanted) {
    $absent = @()
    foreach ($candidate in @(Get-Candidate $Wanted)) {
        $shown = (@($candidate.Name) + $candidate.Before) -join ' '
        $found = @(Get-Program $candidate.Name)
        if ($found.Count -eq 0) { $absent += $shown }
        foreach ($path in $found) {
            if ($path.StartsWith("$Venv\", [StringComparison]::OrdinalIgnoreCase)) { continue }
            $shown = (@($path) + $candidate.Before) -join ' '
            $answer = Test-Python $path $candidate.Before
            if ($answer.Version) {
                Write-Talk "Using Python $($answer.Version): $shown"
                return @{ Path = $path; Before = $candidate.Before; Version = $answer.Version }
            }
            Write-Talk "Not using ${shown}: $($answer.Fault)"
        }
    }
    $missing = if ($absent) { " Not here at all: $($absent -join ', ')." } else { '' }
    Write-Talk "install.ps1: no usable Python was found.$missing"
    Write-Talk 'How to get one:'
    Write-Talk '  winget install Python.Python.3.12'
    Write-Talk '  or from https://www.python.org/downloads/windows/ (tick "Add python.exe to PATH")'
    exit 2
}

# What is wrong with .venv, or nothing if it is good.
function Get-VenvFault {
    if (-not (Test-Path -LiteralPath (Join-Path $Venv 'pyvenv.cfg'))) { return 'it is not a virtual environment' }
    if (Test-Path -LiteralPath $Marker) {
        $made = (Get-Content -LiteralPath $Marker -Encoding UTF8 | Select-Object -First 1)
        if ($made -ne $Venv) { return "it was made in $made and moved" }
    }
    $answer = Test-Python $VenvPython @()
    if (-not $answer.Version) { return $answer.Fault }
    if ((Invoke-Venv '-m' 'pip' '--version') -ne 0) { return 'its pip does not work' }
    return ''
}

# Runs the environment's Python; what it prints goes to stderr. Answers its exit code.
# Its stderr is left alone: Windows PowerShell would take a redirected line for an exception.
function Invoke-Venv {
    & $VenvPython @args | ForEach-Object { Write-Talk "$_" }
    return $LASTEXITCODE
}

# Why .venv cannot stay as it is, or nothing if it can.
function Get-Unfitness([string] $Wanted) {
    $fault = Get-VenvFault
    if ($fault -or -not $Wanted) { return $fault }
    $asked = (Find-Python $Wanted).Version
    $held = (Test-Python $VenvPython @()).Version
    if ($held -ne $asked) { return "it holds Python $held, not $asked" }
    return ''
}

# Takes .venv away: renamed at once, so that a program that holds a file of it open stops nothing
# half way, then removed with patience. What cannot be removed is named.
function Remove-Venv {
    $aside = "$Venv.old-$PID-$([DateTime]::UtcNow.Ticks)"
    try {
        [IO.Directory]::Move($Venv, $aside)
    } catch {
        Stop-Install "$Venv cannot be moved aside: $($_.Exception.Message) Close what uses it and run this again."
    }
    foreach ($wait in 0, 200, 500, 1000) {
        Start-Sleep -Milliseconds $wait
        try {
            foreach ($file in [IO.Directory]::GetFiles($aside, '*', 'AllDirectories')) {
                [IO.File]::SetAttributes($file, 'Normal')
            }
            [IO.Directory]::Delete($aside, $true)
            return
        } catch {
            $why = $_.Exception.Message
        }
    }
    Write-Talk "$aside could not be removed ($why) and can be deleted later."
}

function New-Venv([string] $Wanted) {
    if (Test-Path -LiteralPath $Venv) {
        $fault = Get-Unfitness $Wanted
        if (-not $fault) {
            Write-Talk "Keeping $Venv"
            return
        }
        $item = Get-Item -LiteralPath $Venv -Force
        $isLink = [bool]($item.Attributes -band [IO.FileAttributes]::ReparsePoint)
        if ($isLink -or -not (Test-Path -LiteralPath $Marker)) {
            Stop-Install ("$Venv cannot be used: $fault. It was not made by this script, so it stays " +
                'as it is: move it away and run this again.')
        }
        Write-Talk "$Venv cannot be used: $fault. Making it again."
        $python = Find-Python $Wanted
        Remove-Venv
    } else {
        $python = Find-Python $Wanted
    }
    New-Item -ItemType Directory -Path $Venv | Out-Null
    [IO.File]::WriteAllText($Marker, "$Venv`r`n")
    $before = $python.Before
    & $python.Path @before -m venv $Venv | ForEach-Object { Write-Talk "$_" }
    if ($LASTEXITCODE -ne 0) {
        Remove-Venv
        Stop-Install "$($python.Path) could not make a virtual environment (see above)."
    }
}

# Installs with .venv's pip, whose words go to the log; $What is named in case it fails.
function Install-Package([string] $What) {
    $ErrorActionPreference = 'Continue' # Windows PowerShell takes redirected stderr for errors
    $said = & $VenvPython '-m' 'pip' 'install' '--disable-pip-version-check' '--no-color' '--progress-bar' 'off' @args 2>&1
    $code = $LASTEXITCODE
    $lines = @($said | ForEach-Object { "$_" })
    [IO.File]::WriteAllLines($Log, [string[]]$lines)
    if ($code -ne 0) {
        $lines | Select-Object -Last 20 | ForEach-Object { Write-Talk $_ }
        Stop-Install ("$What could not be installed (see above; all that pip said is in $Log). Where the package " +
            'index cannot be reached, use a mirror (--index-url URL) or a proxy (HTTPS_PROXY).')
    }
}

function Install-Sdops([bool] $WithTorch) {
    $env:PIP_USER = '0' # `user = true` in pip.ini would refuse to install into .venv
    if (-not $env:PIP_RETRIES) { $env:PIP_RETRIES = '1' } # without a network pip would try for a minute
    Write-Talk 'Upgrading pip ...'
    Install-Package 'A new pip' '--upgrade' 'pip'
    Write-Talk 'Installing sdops ...'
    Install-Package 'sdops' '--editable' '.'
    if ($WithTorch) {
        Write-Talk 'Installing PyTorch ...'
        if ((Invoke-Venv '-m' 'sdops' 'env' 'install-torch') -ne 0) {
            Stop-Install 'PyTorch could not be installed (see above). Without it: .\install.ps1 --no-torch'
        }
        Install-Package 'The sampler' '--editable' '.[bench]'
    }
    if ((Invoke-Venv '-m' 'sdops' '--version') -ne 0) { Stop-Install 'sdops was installed but does not start.' }
}

# What the command line asks for.
function Read-Options([string[]] $Words) {
    $options = @{ Torch = $true; Python = ''; Index = ''; TorchIndex = ''; Test = $false; TestArguments = @() }
    for ($i = 0; $i -lt $Words.Count; $i++) {
        $word = $Words[$i]
        if ($word -match '^--[a-z-]+=.*:$' -and $i + 1 -lt $Words.Count) {
            # PowerShell splits --name=C:\path and --name=https://host behind the colon.
            $i++
            $word += $Words[$i]
        }
        if ($word -in '-h', '--help') {
            [Console]::Out.WriteLine($Usage)
            exit 0
        } elseif ($word -eq '--no-torch') {
            $options.Torch = $false
        } elseif ($word -match '^--python=(.*)$') {
            $options.Python = $Matches[1]
        } elseif ($word -match '^--index-url=(.*)$') {
            $options.Index = $Matches[1]
        } elseif ($word -match '^--torch-index-url=(.*)$') {
            $options.TorchIndex = $Matches[1]
        } elseif ($word -in '--python', '--index-url', '--torch-index-url') {
            $i++
            if ($i -ge $Words.Count) { Stop-Install "$word wants a value. See .\install.ps1 --help" }
            switch ($word) {
                '--python' { $options.Python = $Words[$i] }
                '--index-url' { $options.Index = $Words[$i] }
                '--torch-index-url' { $options.TorchIndex = $Words[$i] }
            }
        } elseif ($word -eq 'test') {
            $options.Test = $true
            if ($i + 1 -lt $Words.Count) { $options.TestArguments = $Words[($i + 1)..($Words.Count - 1)] }
            break
        } else {
            Stop-Install "there is no option $word. See .\install.ps1 --help"
        }
    }
    return $options
}

# Sets up, then runs the tests or the doctor. The last exit code is the script's.
function Start-Install([hashtable] $Options) {
    foreach ($name in 'PYTHONHOME', 'PYTHONPATH') { Set-Item "Env:$name" '' }
    if ($Options.Index) { $env:PIP_INDEX_URL = $Options.Index }
    if ($Options.TorchIndex) { $env:SDOPS_TORCH_INDEX_URL = $Options.TorchIndex }
    New-Venv $Options.Python
    Push-Location -LiteralPath $Root
    try {
        Install-Sdops $Options.Torch
        if ($Options.Test) {
            Install-Package 'What the tests need' '--group' 'test'
            $arguments = @($Options.TestArguments)
            & $VenvPython -m pytest @arguments
            exit $LASTEXITCODE
        }
    } finally {
        Pop-Location
    }
    & $VenvPython -m sdops doctor
    if ($LASTEXITCODE -ne 0) { Write-Talk 'The doctor has something to say: see above.' }
    $program = (Join-Path $Venv 'Scripts\sdops.exe') -replace "'", "''"
    Write-Talk "sdops is installed. Look at the folder of your user interface with: & '$program' doctor FOLDER"
    exit 0
}

trap {
    Write-Talk "install.ps1: $_"
    exit 2
}
# Run from a prompt, this script shares its environment with the user's session.
$before = @{}
foreach ($name in $Changed) { $before[$name] = [Environment]::GetEnvironmentVariable($name) }
try {
    Start-Install (Read-Options @($args | ForEach-Object { [string]$_ }))
} finally {
    foreach ($name in $Changed) { [Environment]::SetEnvironmentVariable($name, $before[$name]) }
}
