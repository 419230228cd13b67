import { badExpression } from '../node.ts'
import type { ByteSet } from './byte-set.ts'
import type { Pattern } from './syntax-tree.ts'

/** A pattern as instructions for a machine that follows all ways through it at once. */
export type Instruction =
  /** Takes a byte of a set, and goes on with the next instruction. */
  | { readonly kind: 'take'; readonly set: ByteSet }
  | { readonly kind: 'assert'; readonly assertion: number }
  /** Goes on at both. */
  | { readonly kind: 'split'; readonly first: number; second: number }
  | { readonly kind: 'jump'; target: number }
  | { readonly kind: 'match' }

/** Intervals are written out, so a short pattern can come to very many. */
const INSTRUCTIONS_MAX = 65_536

/** @throws CommandError PARAMETER for a pattern that comes to too many instructions */
export function compileProgram(pattern: Pattern): readonly Instruction[] {
  const program: Instruction[] = []
  emit(program, pattern)
  push(program, { kind: 'match' })
  return program
}

function push<T extends Instruction>(program: Instruction[], instruction: T): T {
  if (program.length >= INSTRUCTIONS_MAX) throw badExpression('pattern too large')
  program.push(instruction)
  return instruction
}

function emit(program: Instruction[], pattern: Pattern): void {
  switch (pattern.kind) {
    case 'set':
      push(program, { kind: 'take', set: pattern.set })
      break
    case 'assertion':
      push(program, { kind: 'assert', assertion: pattern.assertion })
      break
    case 'sequence':
      for (const part of pattern.parts) emit(program, part)
      break
    case 'alternatives':
      emitAlternatives(program, pattern.parts)
      break
    case 'repeat':
      emitRepeat(program, pattern.part, pattern.min, pattern.max)
  }
}

function emitAlternatives(program: Instruction[], parts: readonly Pattern[]): void {
  const jumps: { kind: 'jump'; target: number }[] = []
  for (const [at, part] of parts.entries()) {
    if (at === parts.length - 1) {
      emit(program, part)
      break
    }
    const split = push(program, { kind: 'split', first: program.length + 1, second: 0 })
    emit(program, part)
    jumps.push(push(program, { kind: 'jump', target: 0 }))
    split.second = program.length
  }
  for (const jump of jumps) jump.target = program.length
}

/** As many copies as there have to be, then a loop, or copies that may be left out. */
function emitRepeat(program: Instruction[], part: Pattern, min: number, max: number): void {
  for (let left = min; left > 0; left--) {
    const before = program.length
    emit(program, part)
    // Intervals within intervals of nothing would be copied without ever coming to too many instructions.
    if (program.length === before) return
  }
  if (max === Number.POSITIVE_INFINITY) {
    const start = program.length
    const split = push(program, { kind: 'split', first: start + 1, second: 0 })
    emit(program, part)
    push(program, { kind: 'jump', target: start })
    split.second = program.length
    return
  }
  const splits: { kind: 'split'; first: number; second: number }[] = []
  for (let left = max - min; left > 0; left--) {
    splits.push(push(program, { kind: 'split', first: program.length + 1, second: 0 }))
    emit(program, part)
  }
  for (const split of splits) split.second = program.length
}
