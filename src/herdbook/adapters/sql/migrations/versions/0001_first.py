"""The first schema: everything that a metastore needs from its first day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    op.create_table('audit',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('principal_id', sa.String(length=64), nullable=False),
    sa.Column('operation', sa.String(length=64), nullable=False),
    sa.Column('securable_kind', sa.String(length=32), nullable=False),
    sa.Column('securable_id', sa.String(length=64), nullable=False),
    sa.Column('payload', sa.LargeBinary(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('leaf_index', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit'))
    )
    op.create_index('ix_audit_principal_id', 'audit', ['principal_id', 'id'], unique=False)
    op.create_index('ix_audit_securable_id', 'audit', ['securable_id', 'id'], unique=False)
    op.create_table('catalogs',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('key', sa.String(length=255).with_variant(sa.String(length=255, collation='C'), 'postgresql'), nullable=False),
    sa.Column('comment', sa.Text(), nullable=True),
    sa.Column('owner_id', sa.String(length=32), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('created_by', sa.String(length=64), nullable=False),
    sa.Column('updated_at', sa.BigInteger(), nullable=False),
    sa.Column('updated_by', sa.String(length=64), nullable=False),
    sa.Column('row_version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('event_seq', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('deleted_at', sa.BigInteger(), nullable=True),
    sa.Column('deleted_by', sa.String(length=64), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_catalogs'))
    )
    op.create_index('ix_catalogs_owner_id', 'catalogs', ['owner_id'], unique=False)
    op.create_index('uq_catalogs_key_live', 'catalogs', ['key'], unique=True, sqlite_where=sa.text('deleted_at IS NULL'), postgresql_where=sa.text('deleted_at IS NULL'))
    op.create_table('grants',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('principal_id', sa.String(length=32), nullable=False),
    sa.Column('privilege', sa.String(length=32), nullable=False),
    sa.Column('effect', sa.String(length=8), nullable=False),
    sa.Column('securable_kind', sa.String(length=32), nullable=False),
    sa.Column('securable_id', sa.String(length=32), nullable=False),
    sa.Column('alias_key', sa.String(length=255), nullable=True),
    sa.Column('origin', sa.Text(), nullable=False),
    sa.Column('file', sa.Text(), nullable=True),
    sa.Column('line', sa.Integer(), nullable=True),
    sa.Column('valid_from', sa.BigInteger(), nullable=False),
    sa.Column('valid_to', sa.BigInteger(), nullable=True),
    sa.Column('granted_by', sa.String(length=64), nullable=False),
    sa.Column('ended_by', sa.String(length=64), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_grants'))
    )
    op.create_index('ix_grants_principal_id', 'grants', ['principal_id'], unique=False)
    op.create_index('ix_grants_securable_id', 'grants', ['securable_id'], unique=False)
    op.create_table('idempotency',
    sa.Column('principal_id', sa.String(length=64), nullable=False),
    sa.Column('operation', sa.String(length=64), nullable=False),
    sa.Column('key', sa.String(length=255), nullable=False),
    sa.Column('request_sha256', sa.String(length=64), nullable=False),
    sa.Column('answer', sa.LargeBinary(), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('principal_id', 'operation', 'key', name=op.f('pk_idempotency'))
    )
    op.create_index('ix_idempotency_expires_at', 'idempotency', ['expires_at'], unique=False)
    op.create_table('manifests',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('total_size', sa.BigInteger(), nullable=False),
    sa.Column('file_count', sa.Integer(), nullable=False),
    sa.Column('description', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_manifests')),
    sa.UniqueConstraint('sha256', name=op.f('uq_manifests_sha256'))
    )
    op.create_table('memberships',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('member_id', sa.String(length=32), nullable=False),
    sa.Column('group_id', sa.String(length=32), nullable=False),
    sa.Column('origin', sa.Text(), nullable=False),
    sa.Column('valid_from', sa.BigInteger(), nullable=False),
    sa.Column('valid_to', sa.BigInteger(), nullable=True),
    sa.Column('created_by', sa.String(length=64), nullable=False),
    sa.Column('ended_by', sa.String(length=64), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_memberships'))
    )
    op.create_index('ix_memberships_group_id', 'memberships', ['group_id'], unique=False)
    op.create_index('ix_memberships_member_id', 'memberships', ['member_id'], unique=False)
    op.create_table('metastore',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('seal_key', sa.LargeBinary(), nullable=False),
    sa.Column('policy_revision', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('tree_revision', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('event_seq', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('only', sa.Integer(), server_default='1', nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_metastore')),
    sa.UniqueConstraint('only', name=op.f('uq_metastore_only'))
    )
    op.create_table('outbox',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('type', sa.String(length=64), nullable=False),
    sa.Column('securable_kind', sa.String(length=32), nullable=False),
    sa.Column('securable_id', sa.String(length=32), nullable=False),
    sa.Column('event_seq', sa.BigInteger(), nullable=False),
    sa.Column('payload', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox')),
    sa.UniqueConstraint('securable_id', 'event_seq', name=op.f('uq_outbox_securable_id_event_seq'))
    )
    op.create_table('policy_changes',
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('added', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('item', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('revision', 'seq', name=op.f('pk_policy_changes'))
    )
    op.create_table('policy_files',
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('path', sa.String(length=1024).with_variant(sa.String(length=1024, collation='C'), 'postgresql'), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('revision', 'path', name=op.f('pk_policy_files'))
    )
    op.create_table('policy_revisions',
    sa.Column('revision', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('applied_at', sa.BigInteger(), nullable=False),
    sa.Column('applied_by', sa.String(length=64), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('revision', name=op.f('pk_policy_revisions'))
    )
    op.create_table('principals',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('source', sa.String(length=255), server_default='', nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('written', sa.String(length=600), nullable=False),
    sa.Column('key', sa.String(length=767).with_variant(sa.String(length=767, collation='C'), 'postgresql'), nullable=False),
    sa.Column('enabled', sa.Integer(), server_default='1', nullable=False),
    sa.Column('issuer', sa.Text(), nullable=True),
    sa.Column('subject', sa.Text(), nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('created_by', sa.String(length=64), nullable=True),
    sa.Column('updated_at', sa.BigInteger(), nullable=True),
    sa.Column('updated_by', sa.String(length=64), nullable=True),
    sa.Column('deleted_at', sa.BigInteger(), nullable=True),
    sa.Column('deleted_by', sa.String(length=64), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_principals'))
    )
    op.create_index('ix_principals_issuer_subject', 'principals', ['issuer', 'subject'], unique=False)
    op.create_index('uq_principals_key_live', 'principals', ['key'], unique=True, sqlite_where=sa.text('deleted_at IS NULL'), postgresql_where=sa.text('deleted_at IS NULL'))
    op.create_table('subscriber_cursors',
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('position', sa.String(length=32), nullable=False),
    sa.Column('updated_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_subscriber_cursors'))
    )
    op.create_table('tags',
    sa.Column('owner_kind', sa.String(length=32), nullable=False),
    sa.Column('owner_id', sa.String(length=32), nullable=False),
    sa.Column('key', sa.String(length=250).with_variant(sa.String(length=250, collation='C'), 'postgresql'), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.Column('set_at', sa.BigInteger(), nullable=False),
    sa.Column('set_by', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('owner_id', 'key', name=op.f('pk_tags')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_tags_key_value', 'tags', ['key', sa.text('substr(value, 1, 200)'), 'owner_id'], unique=False)
    op.create_table('manifest_files',
    sa.Column('manifest_id', sa.String(length=32), nullable=False),
    sa.Column('path', sa.String(length=1024).with_variant(sa.String(length=1024, collation='C'), 'postgresql'), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['manifest_id'], ['manifests.id'], name=op.f('fk_manifest_files_manifest_id')),
    sa.PrimaryKeyConstraint('manifest_id', 'path', name=op.f('pk_manifest_files')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_manifest_files_sha256', 'manifest_files', ['sha256'], unique=False)
    op.create_index('ix_manifest_files_size', 'manifest_files', ['size'], unique=False)
    op.create_table('schemas',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('catalog_id', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('key', sa.String(length=511).with_variant(sa.String(length=511, collation='C'), 'postgresql'), nullable=False),
    sa.Column('comment', sa.Text(), nullable=True),
    sa.Column('owner_id', sa.String(length=32), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('created_by', sa.String(length=64), nullable=False),
    sa.Column('updated_at', sa.BigInteger(), nullable=False),
    sa.Column('updated_by', sa.String(length=64), nullable=False),
    sa.Column('row_version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('event_seq', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('deleted_at', sa.BigInteger(), nullable=True),
    sa.Column('deleted_by', sa.String(length=64), nullable=True),
    sa.ForeignKeyConstraint(['catalog_id'], ['catalogs.id'], name=op.f('fk_schemas_catalog_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schemas'))
    )
    op.create_index('ix_schemas_catalog_id', 'schemas', ['catalog_id'], unique=False)
    op.create_index('ix_schemas_owner_id', 'schemas', ['owner_id'], unique=False)
    op.create_index('uq_schemas_key_live', 'schemas', ['key'], unique=True, sqlite_where=sa.text('deleted_at IS NULL'), postgresql_where=sa.text('deleted_at IS NULL'))
    op.create_table('registered_models',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('catalog_id', sa.String(length=32), nullable=False),
    sa.Column('schema_id', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('key', sa.String(length=767).with_variant(sa.String(length=767, collation='C'), 'postgresql'), nullable=False),
    sa.Column('comment', sa.Text(), nullable=True),
    sa.Column('owner_id', sa.String(length=32), nullable=False),
    sa.Column('last_version', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('created_by', sa.String(length=64), nullable=False),
    sa.Column('updated_at', sa.BigInteger(), nullable=False),
    sa.Column('updated_by', sa.String(length=64), nullable=False),
    sa.Column('row_version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('event_seq', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('deleted_at', sa.BigInteger(), nullable=True),
    sa.Column('deleted_by', sa.String(length=64), nullable=True),
    sa.ForeignKeyConstraint(['catalog_id'], ['catalogs.id'], name=op.f('fk_registered_models_catalog_id')),
    sa.ForeignKeyConstraint(['schema_id'], ['schemas.id'], name=op.f('fk_registered_models_schema_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_registered_models'))
    )
    op.create_index('ix_registered_models_catalog_id', 'registered_models', ['catalog_id'], unique=False)
    op.create_index('ix_registered_models_owner_id', 'registered_models', ['owner_id'], unique=False)
    op.create_index('ix_registered_models_schema_id_key', 'registered_models', ['schema_id', 'key'], unique=False)
    op.create_index('uq_registered_models_key_live', 'registered_models', ['key'], unique=True, sqlite_where=sa.text('deleted_at IS NULL'), postgresql_where=sa.text('deleted_at IS NULL'))
    op.create_table('model_versions',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('model_id', sa.String(length=32), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('status', sa.String(length=32), nullable=False),
    sa.Column('status_reason', sa.Text(), nullable=True),
    sa.Column('comment', sa.Text(), nullable=True),
    sa.Column('author_id', sa.String(length=32), nullable=False),
    sa.Column('lineage', sa.Text(), nullable=False),
    sa.Column('run_id', sa.Text(), nullable=True),
    sa.Column('experiment_id', sa.Text(), nullable=True),
    sa.Column('logged_model_id', sa.Text(), nullable=True),
    sa.Column('manifest_id', sa.String(length=32), nullable=True),
    sa.Column('rejections', sa.Text(), nullable=True),
    sa.Column('lease_token', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('lease_expires_at', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('created_by', sa.String(length=64), nullable=False),
    sa.Column('updated_at', sa.BigInteger(), nullable=False),
    sa.Column('updated_by', sa.String(length=64), nullable=False),
    sa.Column('row_version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('event_seq', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('deleted_at', sa.BigInteger(), nullable=True),
    sa.Column('deleted_by', sa.String(length=64), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_model_versions')),
    sa.UniqueConstraint('model_id', 'version', name=op.f('uq_model_versions_model_id_version')),
    sa.ForeignKeyConstraint(['model_id'], ['registered_models.id'], name=op.f('fk_model_versions_model_id')),
    sa.ForeignKeyConstraint(['manifest_id'], ['manifests.id'], name=op.f('fk_model_versions_manifest_id'))
    )
    op.create_index('ix_model_versions_logged_model_id', 'model_versions', ['logged_model_id'], unique=False)
    op.create_index('ix_model_versions_manifest_id_model_id', 'model_versions', ['manifest_id', 'model_id'], unique=False)
    op.create_index('ix_model_versions_run_id', 'model_versions', ['run_id'], unique=False)
    op.create_index('ix_model_versions_pending', 'model_versions', ['updated_at'], unique=False, sqlite_where=sa.text("status = 'PENDING_REGISTRATION'"), postgresql_where=sa.text("status = 'PENDING_REGISTRATION'"))
    op.create_table('aliases',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('model_id', sa.String(length=32), nullable=False),
    sa.Column('alias', sa.String(length=255), nullable=False),
    sa.Column('key', sa.String(length=255).with_variant(sa.String(length=255, collation='C'), 'postgresql'), nullable=False),
    sa.Column('version_id', sa.String(length=32), nullable=False),
    sa.Column('valid_from', sa.BigInteger(), nullable=False),
    sa.Column('valid_to', sa.BigInteger(), nullable=True),
    sa.Column('set_by', sa.String(length=64), nullable=False),
    sa.Column('ended_by', sa.String(length=64), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['model_id'], ['registered_models.id'], name=op.f('fk_aliases_model_id')),
    sa.ForeignKeyConstraint(['version_id'], ['model_versions.id'], name=op.f('fk_aliases_version_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_aliases'))
    )
    op.create_index('ix_aliases_model_id_key_valid_from', 'aliases', ['model_id', 'key', 'valid_from'], unique=False)
    op.create_index('ix_aliases_version_id', 'aliases', ['version_id'], unique=False)
    op.create_index('uq_aliases_model_id_key_current', 'aliases', ['model_id', 'key'], unique=True, sqlite_where=sa.text('valid_to IS NULL'), postgresql_where=sa.text('valid_to IS NULL'))
    op.create_table('uploads',
    sa.Column('version_id', sa.String(length=32), nullable=False),
    sa.Column('path', sa.String(length=1024).with_variant(sa.String(length=1024, collation='C'), 'postgresql'), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['version_id'], ['model_versions.id'], name=op.f('fk_uploads_version_id')),
    sa.PrimaryKeyConstraint('version_id', 'path', name=op.f('pk_uploads'))
    )
    op.create_index('ix_uploads_sha256', 'uploads', ['sha256'], unique=False)
    op.create_table('version_sources',
    sa.Column('version_id', sa.String(length=32), nullable=False),
    sa.Column('source_version_id', sa.String(length=32), nullable=False),
    sa.Column('source_manifest_sha256', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['version_id'], ['model_versions.id'], name=op.f('fk_version_sources_version_id')),
    sa.PrimaryKeyConstraint('version_id', 'source_version_id', name=op.f('pk_version_sources'))
    )
    op.create_index('ix_version_sources_source_version_id', 'version_sources', ['source_version_id'], unique=False)


def downgrade() -> None:
    """Drop every table, the referring ones first."""
    op.drop_table('version_sources')
    op.drop_table('uploads')
    op.drop_table('aliases')
    op.drop_table('model_versions')
    op.drop_table('registered_models')
    op.drop_table('schemas')
    op.drop_table('manifest_files')
    op.drop_table('tags')
    op.drop_table('subscriber_cursors')
    op.drop_table('principals')
    op.drop_table('policy_revisions')
    op.drop_table('policy_files')
    op.drop_table('policy_changes')
    op.drop_table('outbox')
    op.drop_table('metastore')
    op.drop_table('memberships')
    op.drop_table('manifests')
    op.drop_table('idempotency')
    op.drop_table('grants')
    op.drop_table('catalogs')
    op.drop_table('audit')
