// A new connection in three steps: which channel, its keys, a try. The form is
// made from what the channel says of itself.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Collapse, Flex, Form, Input, Modal, Segmented, Steps, Typography } from 'antd';
import { useState } from 'react';
import { ask, hub, Problem, type Schemas } from '../shell/api';
import { useText } from '../shell/i18n';
import { sentence, Shown } from '../shell/state';
import { ChannelBadge } from '../shell/words';
import { Check } from './check';

type Channel = Schemas['ChannelView'];
type Setting = Schemas['SettingView'];

export function useChannels() {
  return useQuery({ queryKey: ['channels'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/channels', { signal })), select: (c) => c.channels, staleTime: 3_600_000 });
}

/** SettingField is one field of a channel's form. */
export function SettingField({ channel, setting, error, optional }: { channel: string; setting: Setting; error?: string; optional?: boolean }) {
  const { t, word } = useText();
  const key = `${channel}.${setting.key}`;
  const title = word('setting', key) === key ? setting.title : word('setting', key);
  const help = word('settingHelp', key) === key ? setting.help : word('settingHelp', key);
  const choice = setting.default === 'yes' || setting.default === 'no' ? ['yes', 'no'] : setting.default === 'on' || setting.default === 'off' ? ['on', 'off'] : undefined;
  return (
    <Form.Item name={['settings', setting.key]} label={title} extra={help} validateStatus={error ? 'error' : undefined} help={error}
      rules={[{ required: setting.required && !optional, message: t('form.required') }]}>
      {choice
        ? <Segmented options={choice.map((v) => ({ value: v, label: v === 'yes' || v === 'on' ? t('form.yes') : t('form.no') }))} />
        : setting.secret ? <Input.Password autoComplete="off" maxLength={4000} placeholder={optional ? t('account.keep') : undefined} /> : <Input autoComplete="off" maxLength={4000} placeholder={setting.default} />}
    </Form.Item>
  );
}

/** given leaves out what was left empty. */
export function given(settings: Record<string, string | undefined> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(settings ?? {}).filter((e): e is [string, string] => !!e[1]?.trim()).map(([k, v]) => [k, v.trim()]));
}

interface Values {
  id: string;
  name?: string;
  settings?: Record<string, string | undefined>;
}

export function Wizard({ taken, onClose }: { taken: string[]; onClose: (made?: string) => void }) {
  const { t } = useText();
  const channels = useChannels();
  const [channel, setChannel] = useState<Channel>();
  const [made, setMade] = useState<string>();
  const step = made ? 2 : channel ? 1 : 0;
  return (
    <Modal open title={t('account.add')} onCancel={() => onClose(made)} footer={null} width={620} maskClosable={step !== 1} destroyOnHidden>
      <Steps size="small" current={step} responsive={false} style={{ margin: '8px 0 16px' }} items={[{ title: t('wizard.channel') }, { title: t('wizard.keys') }, { title: t('wizard.check') }]} />
      {step === 0 && (
        <Shown of={channels} rows={3}>
          {(list) => (
            <Flex vertical gap={8}>
              {list.map((c) => <Button key={c.name} size="large" style={{ justifyContent: 'flex-start', height: 52 }} onClick={() => setChannel(c)}><ChannelBadge channel={c.name} /></Button>)}
            </Flex>
          )}
        </Shown>
      )}
      {step === 1 && channel && <Keys channel={channel} taken={taken} onBack={() => setChannel(undefined)} onMade={setMade} />}
      {made && (
        <Flex vertical gap={12}>
          <Check id={made} />
          <Typography.Text type="secondary">{t('wizard.importing')}</Typography.Text>
          <Flex justify="end"><Button type="primary" onClick={() => onClose(made)}>{t('wizard.done')}</Button></Flex>
        </Flex>
      )}
    </Modal>
  );
}

const ids: Record<string, string> = { ozon: 'ozon', wildberries: 'wb', yandex_market: 'yandex', site: 'shop', cml_shop: 'cml' };

function Keys({ channel, taken, onBack, onMade }: { channel: Channel; taken: string[]; onBack: () => void; onMade: (id: string) => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const add = useMutation({
    mutationFn: (v: Values) => ask(hub.POST('/api/v1/accounts', { body: { id: v.id.trim(), channel: channel.name, name: v.name?.trim() || undefined, settings: given(v.settings) } })),
    onSuccess: (a) => {
      void client.invalidateQueries({ queryKey: ['accounts'] });
      onMade(a.id);
    },
  });
  const fields = add.error instanceof Problem ? add.error.fields : {};
  const wrong = (key: string) => fields[key] ?? fields[`settings.${key}`] ?? fields[`body.settings.${key}`];
  const base = ids[channel.name] ?? channel.name.replace(/[^a-z0-9-]/g, '-');
  let id = base;
  for (let n = 2; taken.includes(id); n++) id = `${base}-${n}`;
  const main = channel.settings.filter((s) => s.required || (s.secret && !s.key.includes('old')));
  const rest = channel.settings.filter((s) => !main.includes(s));
  const initial = { id, settings: Object.fromEntries(channel.settings.filter((s) => ['yes', 'no', 'on', 'off'].includes(s.default ?? '')).map((s) => [s.key, s.default])) };
  return (
    <Form<Values> layout="vertical" initialValues={initial} onFinish={(v) => add.mutate(v)}>
      {add.error && Object.keys(fields).every((k) => !channel.settings.some((s) => wrong(s.key)) && k !== 'id') && (
        <Alert type="error" showIcon role="alert" title={sentence(add.error, t('state.offline'))} style={{ marginBottom: 12 }} />
      )}
      {main.map((s) => <SettingField key={s.key} channel={channel.name} setting={s} error={wrong(s.key)} />)}
      <Flex gap={12} wrap>
        <Form.Item name="id" label={t('account.id')} extra={t('account.idHint')} style={{ flex: '1 1 200px' }} validateStatus={fields.id ? 'error' : undefined} help={fields.id}
          rules={[{ required: true, message: t('form.required') }, { pattern: /^[a-z0-9][a-z0-9-]{0,39}$/, message: t('account.idHint') }]}><Input /></Form.Item>
        <Form.Item name="name" label={t('account.name')} extra={t('account.nameHint')} style={{ flex: '1 1 200px' }}><Input maxLength={100} /></Form.Item>
      </Flex>
      {rest.length > 0 && (
        <Collapse ghost size="small" defaultActiveKey={rest.some((s) => wrong(s.key)) ? 'more' : undefined}
          items={[{ key: 'more', label: t('wizard.more'), forceRender: true, children: rest.map((s) => <SettingField key={s.key} channel={channel.name} setting={s} error={wrong(s.key)} />) }]} />
      )}
      <Flex justify="space-between" style={{ marginTop: 8 }}>
        <Button onClick={onBack}>{t('wizard.back')}</Button>
        <Button type="primary" htmlType="submit" loading={add.isPending}>{t('wizard.connect')}</Button>
      </Flex>
    </Form>
  );
}
