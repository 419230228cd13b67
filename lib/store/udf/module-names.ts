import type { Settings } from '../../settings/index.ts'

/**
 * The names under which the store's one module is registered, and who calls which. A server runs the calls of each
 * name in Lua states of that name's own, so more names spread the contention for them (semantics 2.1).
 */
export class ModuleNames {
  /** For every function that has no name of its own. */
  readonly main: string
  readonly setMined: string
  readonly #spends: readonly string[]

  constructor(
    main: string,
    {
      useSeparateUdfMinedModule,
      separateUdfSpendModuleCount,
    }: Pick<Settings, 'useSeparateUdfMinedModule' | 'separateUdfSpendModuleCount'>,
  ) {
    this.main = main
    this.setMined = useSeparateUdfMinedModule ? `${main}_mined` : main
    this.#spends = Array.from({ length: separateUdfSpendModuleCount }, (_, number) => `${main}_${number}`)
  }

  /** For spends of outputs of this transaction: all of one transaction go to one module. */
  forSpendsOf(txid: Uint8Array): string {
    const count = this.#spends.length
    if (count === 0) return this.main
    return this.#spends[(txid[0] ?? 0) % count] ?? this.main
  }

  /** Every name that has to be registered, each once. */
  get all(): readonly string[] {
    return [...new Set([this.main, this.setMined, ...this.#spends])]
  }
}
