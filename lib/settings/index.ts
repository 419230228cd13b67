export { resolveSettings, type Settings, type SettingsInput } from './settings.ts'
export { SETTINGS, type SettingKind, type SettingName, type SettingRow } from './settings-table.ts'
export { parseStoreUrl, type StoreUrl, type WantedTransport } from './store-url.ts'
