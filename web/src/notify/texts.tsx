// The texts of messages, to be replaced and tried on an example.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Flex, Input, Modal, Popconfirm, Segmented, Table, Typography } from 'antd';
import { useState } from 'react';
import { ask, hub, type Schemas } from '../shell/api';
import { useText, type Language } from '../shell/i18n';
import { useCan } from '../shell/session';
import { sentence, Shown, useTell } from '../shell/state';
import { Chip } from '../shell/words';

type Text = Schemas['TextView'];

export function Texts() {
  const { t, word, lang } = useText();
  const [of, setOf] = useState<Language>(lang);
  const [edit, setEdit] = useState<Text>();
  const list = useQuery({ queryKey: ['templates'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/notify/templates', { signal })), select: (l) => l.templates });
  return (
    <>
      <Typography.Paragraph type="secondary">{t('texts.hint')}</Typography.Paragraph>
      <Segmented aria-label={t('nav.language')} value={of} onChange={setOf} options={[{ value: 'ru', label: 'Русский' }, { value: 'en', label: 'English' }]} style={{ marginBottom: 10 }} />
      <Shown of={list}>{(texts) => (
        <Table<Text> size="small" rowKey="name" pagination={false} dataSource={texts.filter((x) => x.language === of)} scroll={{ x: 'max-content' }} columns={[
          { title: t('notify.trigger'), key: 'name', render: (_, x) => <><Typography.Text strong>{word('trigger', x.name)}</Typography.Text> {x.own && <Chip colour="blue">{t('texts.own')}</Chip>}</> },
          { title: t('notify.text'), key: 'text', render: (_, x) => <Typography.Text type="secondary" className="mono" ellipsis style={{ maxWidth: 560 }}>{x.text.replace(/\s+/g, ' ').slice(0, 160)}</Typography.Text> },
          { title: '', key: 'act', width: 110, render: (_, x) => <Button size="small" aria-label={`${t('form.edit')}: ${word('trigger', x.name)}`} onClick={() => setEdit(x)}>{t('form.edit')}</Button> },
        ]} />
      )}</Shown>
      {edit && <Edit of={edit} onClose={() => setEdit(undefined)} />}
    </>
  );
}

function Edit({ of, onClose }: { of: Text; onClose: () => void }) {
  const { t, word } = useText();
  const can = useCan();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const [text, setText] = useState(of.text);
  const path = { name: of.name, language: of.language };
  const preview = useMutation({ mutationFn: () => ask(hub.POST('/api/v1/notify/templates/{name}/{language}/preview', { params: { path }, body: { text } })) });
  const save = useMutation({
    mutationFn: (body: { text?: string }) => ask(hub.PUT('/api/v1/notify/templates/{name}/{language}', { params: { path }, body })),
    onSuccess: () => { done(t('form.saved')); void client.invalidateQueries({ queryKey: ['templates'] }); onClose(); }, onError: failed,
  });
  return (
    <Modal open title={word('trigger', of.name)} width={760} onCancel={onClose} footer={
      <Flex gap={8} justify="end" wrap>
        {of.own && can('rules.manage') && <Popconfirm title={t('texts.backAsk')} okText={t('texts.back')} onConfirm={() => save.mutate({})}><Button danger>{t('texts.back')}</Button></Popconfirm>}
        <Button loading={preview.isPending} onClick={() => preview.mutate()}>{t('texts.preview')}</Button>
        {can('rules.manage') && <Button type="primary" loading={save.isPending} disabled={text === of.text || !text.trim()} onClick={() => save.mutate({ text })}>{t('form.save')}</Button>}
      </Flex>
    }>
      <Flex vertical gap={10}>
        <Input.TextArea className="mono" rows={12} maxLength={20_000} value={text} onChange={(e) => setText(e.target.value)} spellCheck={false} aria-label={t('notify.text')} />
        {preview.error && <Typography.Text type="danger" role="alert">{sentence(preview.error, t('state.offline'))}</Typography.Text>}
        {preview.data && <Flex gap={16} wrap>{([['texts.one', preview.data.one], ['texts.many', preview.data.many]] as const).map(([k, v]) => <div key={k} style={{ flex: '1 1 280px', minWidth: 0 }}><Typography.Text type="secondary">{t(k)}</Typography.Text><pre className="pre">{v}</pre></div>)}</Flex>}
      </Flex>
    </Modal>
  );
}
