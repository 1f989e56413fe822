/**
 * What a shell is told once. All of them ask `repowire complete` for the words at each Tab, so a script never grows old: a line each,
 * or `:files` where the shell's own completion of file names is wanted.
 */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export const FILES = ":files";

const BASH = `# repowire's completion for bash. In ~/.bashrc: source <(repowire completion bash)
_repowire() {
  local found
  found=$(repowire complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  COMPREPLY=()
  if [ "$found" = ${FILES} ]; then
    compopt -o default
  elif [ -n "$found" ]; then
    mapfile -t COMPREPLY <<<"$found"
  fi
}
complete -F _repowire repowire
`;

const ZSH = `#compdef repowire
# repowire's completion for zsh. In ~/.zshrc, after compinit: source <(repowire completion zsh)
_repowire() {
  local -a found
  found=("\${(@f)$(repowire complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "$found" == ${FILES} ]]; then
    _files
  elif [[ -n "$found" ]]; then
    compadd -a -- found
  fi
}
compdef _repowire repowire
`;

const FISH = `# repowire's completion for fish. In ~/.config/fish/config.fish: repowire completion fish | source
function __repowire_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l found (repowire complete -- $words[2..-1] "$current" 2>/dev/null)
  if test "$found" = ${FILES}
    __fish_complete_path "$current"
  else if test -n "$found"
    printf '%s\\n' $found
  end
end
complete -c repowire -f -a '(__repowire_complete)'
`;

export const SCRIPTS: Record<Shell, string> = { bash: BASH, zsh: ZSH, fish: FISH };
